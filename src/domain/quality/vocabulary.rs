//! Words that need no evidence: keywords and everyday standard-library names of the languages at hand, and names of
//! technologies that have the shape of identifiers.
//!
//! Owns the lists. One list serves all languages, for an answer may rightly compare with another one.

use super::words::{self, HashedSet};
use std::sync::LazyLock;

/// Keywords and built-in names, by language, from the language references and the standard libraries' indexes.
const BUILT_IN: &[&str] = &[
    // Python
    "False None True and as assert async await break class continue def del elif else except finally for from global if import in is \
     lambda nonlocal not or pass raise return try while with yield self cls args kwargs abs all any bool bytearray bytes callable chr \
     classmethod complex delattr dict dir divmod enumerate eval exec filter float format frozenset getattr globals hasattr hash hex id \
     input int isinstance issubclass iter len list locals map max memoryview min next object oct open ord pow print property range repr \
     reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip BaseException Exception ArithmeticError \
     AssertionError AttributeError BufferError DeprecationWarning EOFError FileExistsError FileNotFoundError GeneratorExit IOError \
     ImportError IndexError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError NotImplementedError \
     NotImplemented OSError OverflowError PermissionError RecursionError RuntimeError RuntimeWarning StopAsyncIteration StopIteration \
     SyntaxError SystemError SystemExit TypeError UnicodeDecodeError UnicodeEncodeError UnicodeError UserWarning ValueError \
     ZeroDivisionError OrderedDict defaultdict namedtuple deque Counter dataclass Enum __init__ __new__ __call__ __repr__ __str__ \
     __eq__ __hash__ __len__ __iter__ __next__ __getitem__ __setitem__ __delitem__ __contains__ __enter__ __exit__ __name__ __main__ \
     __file__ __doc__ __dict__ __class__ __slots__ __version__ append extend items keys values join split strip lstrip rstrip \
     startswith endswith encode decode lower upper replace find update pop copy sort index insert",
    // JavaScript, TypeScript
    "var let const function new delete typeof instanceof void this null undefined NaN Infinity switch case default throw catch do \
     export extends static get of debugger arguments Object Array String Number Boolean Symbol BigInt Function Promise Map Set \
     WeakMap WeakSet Proxy Reflect JSON Math Date RegExp Error RangeError ReferenceError EvalError URIError console process require \
     module exports globalThis window document Buffer setTimeout clearTimeout setInterval setImmediate nextTick push shift unshift \
     splice concat forEach reduce some every includes indexOf lastIndexOf toString valueOf hasOwnProperty prototype constructor \
     stringify parse assign entries fromEntries freeze isArray trim trimStart trimEnd toLowerCase toUpperCase charAt charCodeAt \
     substring substr padStart padEnd match matchAll localeCompare then resolve reject interface implements enum namespace declare \
     readonly keyof infer never unknown any number string boolean symbol bigint abstract private protected public",
    // Rust
    "fn mut pub crate mod use struct impl trait where match loop ref move dyn unsafe extern box Self Some Ok Err Option Result Vec \
     Box Rc Arc Cell RefCell Mutex RwLock Cow HashMap HashSet BTreeMap BTreeSet VecDeque i8 i16 i32 i64 i128 isize u8 u16 u32 u64 \
     u128 usize f32 f64 char unwrap expect unwrap_or unwrap_or_else unwrap_or_default map_err and_then or_else ok_or as_ref as_mut \
     into iter_mut into_iter collect clone to_owned to_string to_vec is_some is_none is_ok is_err Default Clone Copy Debug Display \
     Drop Deref From Into TryFrom Iterator IntoIterator PartialEq Eq PartialOrd Ord Hash Send Sync Sized Fn FnMut FnOnce println \
     eprintln format vec panic assert assert_eq debug_assert derive cfg cfg_attr std core alloc",
    // C, C++
    "auto char const double extern goto inline int long register restrict short signed sizeof struct typedef union unsigned volatile \
     NULL size_t ssize_t ptrdiff_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t uintptr_t intptr_t FILE stdin \
     stdout stderr malloc calloc realloc free memcpy memmove memset memcmp strlen strcpy strncpy strcmp strncmp strcat strchr printf \
     fprintf sprintf snprintf errno EOF include define ifdef ifndef endif elif undef pragma main template typename virtual override \
     constexpr noexcept nullptr operator friend explicit mutable this_thread unique_ptr shared_ptr weak_ptr make_unique make_shared \
     string_view optional variant vector unordered_map static_cast dynamic_cast reinterpret_cast const_cast",
    // Go
    "chan defer fallthrough func go package range select type nil iota make cap panic recover error rune byte uint uintptr float32 \
     float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 Errorf Sprintf Printf Println Fprintf Background WithCancel",
    // Java
    "final synchronized transient throws boolean instanceof Integer Long Double Float Character Byte Short List ArrayList LinkedList \
     Iterable Collection Collections Arrays Objects Optional Stream Runnable Callable Thread StringBuilder Override \
     NullPointerException IllegalArgumentException IllegalStateException IndexOutOfBoundsException RuntimeException IOException \
     UnsupportedOperationException ConcurrentHashMap HashMap equals hashCode System out println",
    // Ruby, PHP, shell, Lua
    "begin end ensure rescue module unless until elsif redo nil puts attr_accessor attr_reader attr_writer initialize each \
     respond_to method_missing raise StandardError ArgumentError NoMethodError echo array isset unset empty foreach elseif endif \
     is_null count implode explode local then fi esac done export readonly shift getopts trap ipairs pairs tostring tonumber \
     setmetatable getmetatable pcall",
];

/// Names that have humps yet are English in a text about software.
const TECHNOLOGY: &str = "JavaScript TypeScript GitHub GitLab OpenSSL OpenAI PyPI PyPy CPython NumPy PyTorch TensorFlow NodeJS \
     WebSocket WebSockets WebAssembly PostgreSQL MySQL SQLite MongoDB GraphQL macOS iOS iPhone iPad FreeBSD OpenBSD NetBSD LaTeX \
     YouTube StackOverflow PowerShell DevTools LuaJIT JavaDoc JSDoc IPv4 IPv6 OAuth OAuth2 ASCIIbetical UTF ASCII LLVM CMake \
     MinGW VSCode PhD eBPF gRPC";

static KNOWN: LazyLock<HashedSet> = LazyLock::new(|| {
    let lists = BUILT_IN.iter().chain([&TECHNOLOGY]);
    let words = lists.flat_map(|list| list.split_whitespace());
    words.map(words::hash).collect()
});

/// Whether a word needs no evidence.
pub fn is_known(word: &str) -> bool {
    KNOWN.contains(&words::hash(word))
}

/// Words too common to tell what a question is about.
const COMMON: &str = "a an the and or but if then else so as at by for from in into of off on onto out over to up with without is are was \
     were be been being am do does did done has have had can could may might must shall should will would not no nor it its this that \
     these those there here they them their he she we you your i my our me us what which who whom whose when where why how all any \
     both each few more most other some such only own same than too very just also about after again against because before below \
     between during few further once under until while above across along among around per via yes get gets use used uses using \
     make makes made call called calls one two three first second new happens happen code file function method class work works \
     mean means give given gives exactly instead rather whether";

static COMMON_WORDS: LazyLock<HashedSet> =
    LazyLock::new(|| COMMON.split_whitespace().map(words::hash).collect());

/// Whether a word, in whatever case, says nothing about the subject.
pub fn is_common(word: &str) -> bool {
    COMMON_WORDS.contains(&words::hash_lowered(word))
}
