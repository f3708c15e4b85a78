//! Words that need no evidence: keywords and everyday standard-library names of the languages at hand, and names of
//! technologies that have the shape of identifiers.
//!
//! Owns the lists. One list serves all languages, for an answer may rightly compare with another one.

use super::words::{self, HashedSet};
use std::sync::LazyLock;

/// Keywords and built-in names, by language, from the language references and the indexes of the standard libraries.
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
     ZeroDivisionError ConnectionError TimeoutError OrderedDict defaultdict namedtuple deque Counter ChainMap dataclass dataclasses \
     Enum IntEnum __init__ __new__ __del__ __call__ __repr__ __str__ __bytes__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ \
     __bool__ __len__ __iter__ __next__ __getitem__ __setitem__ __delitem__ __contains__ __enter__ __exit__ __aenter__ __aexit__ \
     __getattr__ __setattr__ __name__ __main__ __file__ __doc__ __dict__ __class__ __slots__ __version__ __all__ __import__ __path__ \
     append extend items keys values join split rsplit strip lstrip rstrip startswith endswith encode decode lower upper title \
     replace find rfind update pop popitem copy deepcopy sort index insert remove clear count setdefault fromkeys read readline \
     readlines write close flush seek tell os sys re io json math time datetime timedelta random logging getLogger pathlib Path \
     functools partial lru_cache wraps reduce itertools chain islice collections contextlib contextmanager typing Any Union Optional \
     Callable Iterator Generator TypeVar Protocol subprocess threading Lock Thread asyncio gather create_task run sleep unittest \
     pytest argparse pickle csv struct socket urllib hashlib base64 copy inspect importlib warnings traceback weakref",
    // JavaScript, TypeScript
    "true false var let const function new delete typeof instanceof void this null undefined NaN Infinity switch case default throw catch do \
     export extends static get of debugger arguments Object Array String Number Boolean Symbol BigInt Function Promise Map Set \
     WeakMap WeakSet WeakRef Proxy Reflect JSON Math Date RegExp Error RangeError ReferenceError EvalError URIError AggregateError \
     console log warn error info process require module exports globalThis window document Buffer Uint8Array ArrayBuffer DataView \
     setTimeout clearTimeout setInterval clearInterval setImmediate queueMicrotask nextTick env argv exit push shift unshift splice \
     concat forEach reduce reduceRight some every includes indexOf lastIndexOf findIndex findLast flat flatMap fill at toString \
     toFixed valueOf hasOwnProperty isPrototypeOf prototype constructor stringify parse assign entries fromEntries freeze isFrozen \
     create defineProperty getPrototypeOf isArray isInteger isFinite isNaN parseInt parseFloat trim trimStart trimEnd toLowerCase \
     toUpperCase charAt charCodeAt codePointAt substring substr padStart padEnd repeat match matchAll search replaceAll test exec \
     localeCompare normalize then resolve reject allSettled race catch finally apply bind call floor ceil trunc now getTime \
     toISOString addEventListener removeEventListener dispatchEvent preventDefault querySelector getElementById fetch Headers Request \
     Response URL URLSearchParams AbortController AbortSignal EventEmitter emit once readFile readFileSync writeFile writeFileSync \
     existsSync statSync createReadStream createWriteStream encodeURIComponent decodeURIComponent interface implements enum namespace \
     declare readonly keyof infer never unknown any number string boolean symbol bigint abstract private protected public Partial \
     Required Readonly Record Pick Omit Exclude Extract NonNullable ReturnType",
    // Rust
    "fn mut pub crate mod use struct impl trait where match loop ref move dyn unsafe extern box Self Some Ok Err Option Result Vec \
     Box Rc Arc Cell RefCell OnceCell OnceLock LazyLock Mutex RwLock Cow Pin PhantomData HashMap HashSet BTreeMap BTreeSet VecDeque \
     BinaryHeap PathBuf OsStr OsString CStr CString Duration Instant SystemTime i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize \
     f32 f64 char unwrap expect unwrap_or unwrap_or_else unwrap_or_default unwrap_err map_err map_or and_then or_else ok_or ok_or_else \
     as_ref as_mut as_str as_slice as_bytes as_deref into iter iter_mut into_iter into_inner get_ref get_mut get_or_insert_with \
     rev nth nth_back next_back rfold rposition size_hint \
     collect cloned copied clone to_owned to_string to_vec to_lowercase to_uppercase is_some is_none is_ok is_err is_empty \
     with_capacity capacity reserve push_str extend_from_slice drain retain truncate resize swap take take_while skip skip_while \
     step_by chunks windows filter_map flat_map fold scan peekable peek enumerate position contains contains_key entry or_insert \
     or_insert_with saturating_add saturating_sub checked_add checked_sub checked_mul wrapping_add wrapping_sub wrapping_mul \
     overflowing_add from_str from_utf8 from_utf8_lossy to_le_bytes from_le_bytes try_into try_from read_to_string read_to_end \
     write_all BufReader BufWriter BufRead Default Clone Copy Debug Display Drop Deref DerefMut From Into TryFrom TryInto AsRef AsMut \
     Borrow Iterator IntoIterator DoubleEndedIterator ExactSizeIterator FromIterator PartialEq Eq PartialOrd Ord Hash Hasher Send Sync \
     Sized Unpin Fn FnMut FnOnce Future Poll Pending Ready Waker Context println eprintln print eprint write writeln format vec panic \
     assert assert_eq assert_ne debug_assert matches unreachable derive cfg cfg_attr repr inline must_use std core alloc spawn",
    // C, C++
    "auto char const double extern goto inline int long register restrict short signed sizeof struct typedef union unsigned volatile \
     NULL size_t ssize_t ptrdiff_t wchar_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t uintptr_t intptr_t \
     SIZE_MAX INT_MAX INT_MIN UINT_MAX LONG_MAX CHAR_BIT FILE stdin stdout stderr malloc calloc realloc free memcpy memmove memset \
     memcmp memchr strlen strcpy strncpy strcmp strncmp strcasecmp strcat strchr strrchr strstr strtol strtoul strdup printf fprintf \
     sprintf snprintf vsnprintf scanf fopen fclose fread fwrite fgets fputs getenv exit abort atoi qsort isdigit isspace isalpha \
     tolower toupper errno strerror EOF ENOMEM EINVAL include define ifdef ifndef endif elif undef pragma main template typename \
     virtual override constexpr consteval noexcept nullptr operator friend explicit mutable this_thread unique_ptr shared_ptr \
     weak_ptr make_unique make_shared string_view optional variant vector unordered_map unordered_set static_cast dynamic_cast \
     reinterpret_cast const_cast push_back emplace_back c_str cout cerr endl lock_guard mutex atomic ostream istream stringstream \
     runtime_error logic_error invalid_argument out_of_range",
    // Go
    "chan defer fallthrough func go package range select type nil iota make cap panic recover error rune byte uint uintptr float32 \
     float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 complex128 fmt Errorf Sprintf Sprint Printf Println Fprintf Fprintln \
     errors New Is As Unwrap Join Error String Background TODO WithCancel WithTimeout WithDeadline WithValue Done Deadline context \
     Reader Writer Closer Close Read Write ReadAll ReadFile WriteFile Open Create Stat Getenv Exit Marshal Unmarshal NewReader \
     NewWriter NewScanner Scanner ErrUnexpectedEOF Split TrimSpace HasPrefix HasSuffix Contains Replace ReplaceAll Builder Atoi Itoa \
     ParseInt ParseFloat WaitGroup Mutex RWMutex Once Lock Unlock RLock RUnlock Wait Sleep Second Millisecond Minute Now Since Sub \
     ListenAndServe HandleFunc Handler ResponseWriter TypeOf ValueOf Sort Slice testing Fatal Fatalf Run Parallel",
    // Java
    "final synchronized transient throws boolean instanceof Integer Long Double Float Character Byte Short List ArrayList LinkedList \
     Iterable Collection Collections Arrays Objects Optional Stream Collectors Runnable Callable Thread Executor ExecutorService \
     Future CompletableFuture StringBuilder CharSequence Override Deprecated FunctionalInterface SuppressWarnings Throwable \
     NullPointerException IllegalArgumentException IllegalStateException IndexOutOfBoundsException RuntimeException IOException \
     UncheckedIOException InterruptedException ClassCastException NoSuchElementException ConcurrentModificationException \
     ArithmeticException NumberFormatException UnsupportedOperationException ConcurrentHashMap HashMap LinkedHashMap TreeMap \
     LinkedHashSet TreeSet Map Entry Comparator Comparable Supplier Consumer Predicate BiFunction AutoCloseable Closeable InputStream \
     OutputStream Reader Writer equals hashCode compareTo getClass getMessage printStackTrace hasNext isEmpty size add addAll get \
     put putIfAbsent getOrDefault computeIfAbsent containsKey remove stream toList charAt length substring valueOf parseInt System \
     out err println printf currentTimeMillis nanoTime Math record sealed var",
    // Ruby, PHP, shell, Lua
    "begin end ensure rescue module unless until elsif redo nil puts attr_accessor attr_reader attr_writer initialize each \
     each_with_index each_with_object inject collect detect reject compact flatten uniq to_s to_i to_sym to_a to_h freeze frozen dup \
     tap then nil? empty? include? is_a? respond_to respond_to? method_missing define_method instance_variable_get send public_send \
     raise StandardError ArgumentError NoMethodError KeyError Struct Hash Proc lambda yield block_given? gsub sub match scan require \
     require_relative echo array isset unset empty foreach elseif endif endforeach is_null is_array is_string count implode explode \
     array_map array_filter array_merge array_key_exists in_array strlen strpos str_replace sprintf preg_match preg_replace \
     json_encode json_decode local then fi esac done export readonly shift getopts trap set unset eval source grep sed awk xargs \
     ipairs pairs tostring tonumber setmetatable getmetatable rawget rawset pcall xpcall select unpack insert concat gmatch gsub",
];

/// More functions, methods and types of the same libraries, which answers bring in passing.
const IN_PASSING: &[&str] = &[
    // Python
    "fullmatch finditer findall subn compile escape isalnum isalpha isdigit isnumeric isdecimal isascii isidentifier islower isupper istitle \
     casefold capitalize swapcase partition rpartition removeprefix removesuffix splitlines expandtabs zfill ljust rjust maketrans translate \
     union difference intersection symmetric_difference issubset issuperset isdisjoint discard popleft appendleft extendleft most_common \
     move_to_end cache cached_property cache_clear cache_info total_ordering singledispatch cmp_to_key attrgetter itemgetter methodcaller \
     groupby accumulate starmap takewhile dropwhile zip_longest combinations permutations product cycle pairwise tee suppress nullcontext \
     ExitStack AsyncExitStack asynccontextmanager closing redirect_stdout basename dirname splitext abspath realpath isfile isdir islink \
     exists makedirs mkdir rmdir unlink rename listdir scandir getcwd chdir environ urandom getpid iterdir glob rglob read_text write_text \
     read_bytes write_bytes resolve relative_to with_suffix is_file is_dir monotonic perf_counter strftime strptime isoformat fromisoformat \
     fromtimestamp utcnow utcfromtimestamp total_seconds timezone tzinfo randint choice shuffle uniform loads dumps load dump JSONDecodeError \
     urlparse urlsplit urljoin urlencode quote unquote parse_qs b64encode b64decode sha256 md5 hexdigest digest compare_digest hmac \
     signature getmembers iscoroutinefunction isgenerator currentframe getsource import_module is_alive daemon Semaphore BoundedSemaphore \
     Event Condition Barrier ThreadPoolExecutor ProcessPoolExecutor as_completed get_event_loop new_event_loop run_until_complete \
     ensure_future wait_for CancelledError StringIO BytesIO TextIOWrapper heappush heappop heapify nlargest nsmallest bisect_left \
     bisect_right insort WeakValueDictionary WeakKeyDictionary TYPE_CHECKING NamedTuple TypedDict Literal ClassVar Final Annotated \
     basicConfig StreamHandler FileHandler NullHandler check_call check_output Popen communicate returncode MagicMock \
     monkeypatch capsys fixture parametrize __missing__ __setstate__ __getstate__ __reduce__ __copy__ __deepcopy__ __format__ __index__ \
     __int__ __float__ __add__ __sub__ __mul__ __mod__ __and__ __or__ __xor__ __neg__ __reversed__ __await__ __aiter__ __anext__ __set_name__ \
     __get__ __set__ __getattribute__ __init_subclass__ __post_init__ __wrapped__ __module__ __qualname__ __annotations__ __str__",
    // JavaScript, TypeScript
    "instanceof toLocaleString toLocaleUpperCase toLocaleLowerCase trimLeft trimRight fromCharCode fromCodePoint copyWithin flatten \
     reverse sort pop join slice splice keys values entries has get set add delete clear size next return throw getOwnPropertyNames \
     getOwnPropertyDescriptor getOwnPropertySymbols setPrototypeOf preventExtensions isExtensible seal isSealed groupBy hasOwn structuredClone \
     isSafeInteger toPrecision toExponential MAX_SAFE_INTEGER MIN_SAFE_INTEGER MAX_VALUE EPSILON POSITIVE_INFINITY round sqrt cbrt hypot sign \
     imul clz32 log2 log10 pow getFullYear getMonth getDate getDay getHours getMinutes getSeconds getMilliseconds getTimezoneOffset setTime \
     toUTCString toDateString lastIndex ignoreCase multiline sticky asyncIterator toStringTag toPrimitive hasInstance species iterator \
     SharedArrayBuffer Atomics Int8Array Int16Array Int32Array Uint16Array Uint32Array Float32Array Float64Array BigInt64Array TextEncoder \
     TextDecoder atob btoa requestAnimationFrame MutationObserver localStorage sessionStorage innerHTML textContent createElement appendChild \
     stopPropagation Blob FormData ReadableStream WritableStream alloc allocUnsafe byteLength createServer listen appendFile mkdirSync \
     readdirSync unlinkSync extname basename dirname isAbsolute promisify inherits removeListener removeAllListeners listenerCount",
    // Rust
    "is_some_and is_ok_and filter find any all zip last first max_by_key min_by_key sum product partition unzip for_each try_for_each inspect \
     flatten dedup sort_by sort_by_key sort_unstable binary_search split_at split_once rsplit_once splitn strip_prefix strip_suffix trim_start \
     trim_end trim_matches char_indices is_alphanumeric is_whitespace is_ascii_digit eq_ignore_ascii_case to_ascii_lowercase \
     to_ascii_uppercase parse as_millis as_secs elapsed checked_div saturating_mul rem_euclid leading_zeros trailing_zeros count_ones pow abs \
     is_power_of_two next_power_of_two replace forget transmute null_mut NonNull MaybeUninit ManuallyDrop UnsafeCell AtomicBool \
     AtomicUsize AtomicU64 Ordering Acquire Release AcqRel SeqCst Relaxed compare_exchange fetch_add fetch_sub load store lock try_lock \
     read_line lines bytes chars unwrap_unchecked unwrap_or_else",
    // C, C++
    "rand srand random strtoull strtoll strtod strncat strspn strcspn strpbrk strtok strtok_r memmem bsearch isalnum isupper islower isxdigit \
     ispunct iscntrl isprint puts putchar getchar getc ungetc perror assert abs labs floor ceil fmod pow sqrt time clock gettimeofday \
     clock_gettime usleep nanosleep open close read write lseek fcntl ioctl select poll epoll_wait socket bind listen accept connect send recv \
     getaddrinfo pthread_create pthread_join pthread_mutex_lock pthread_mutex_unlock fork execvp waitpid signal sigaction mmap munmap getline \
     sscanf vfprintf feof ferror fseek ftell rewind remove rename tmpfile EAGAIN EINTR ERANGE ENOENT EEXIST INT64_MAX UINT32_MAX UINT64_MAX \
     begin end cbegin cend emplace try_emplace insert_or_assign find_if sort stable_sort lower_bound upper_bound accumulate transform \
     move forward swap exchange unique_lock scoped_lock condition_variable thread future promise async steady_clock chrono length_error \
     bad_alloc underlying_type enable_if is_same decay_t initializer_list",
    // Go
    "Errorf Fatalf Logf Helper Cleanup TempDir MkdirAll RemoveAll Getwd Args Stdin Stdout Stderr EOF Copy Pipe LimitReader MultiWriter TeeReader \
     NopCloser Flush Scan Text Bytes Buffer WriteString ReadString Fields SplitN TrimRight TrimLeft TrimPrefix TrimSuffix ToLower ToUpper EqualFold \
     Index LastIndex Repeat Map Title FormatInt Quote SortFunc Ints Strings SliceStable Search AddInt64 LoadInt64 StoreInt64 CompareAndSwap NumCPU \
     GOMAXPROCS Gosched AfterFunc NewTimer NewTicker Tick Duration Until Before After Equal Unix UnixNano Format Parse RFC3339 DeepEqual \
     DeadlineExceeded Canceled Cause",
    // Java, C#
    "indexOf lastIndexOf replaceAll startsWith endsWith toUpperCase toLowerCase strip isBlank join format asList unmodifiableList emptyList \
     singletonList sort reverse removeIf forEach map filter flatMap anyMatch allMatch noneMatch findFirst orElse orElseGet orElseThrow ifPresent \
     collect toList groupingBy joining compute merge putAll keySet entrySet values iterator next synchronized wait notify notifyAll sleep \
     interrupt submit invokeAll shutdown awaitTermination submitAll CountDownLatch ReentrantLock AtomicInteger AtomicLong AtomicReference \
     ThreadLocal WeakReference BigInteger BigDecimal LocalDate LocalDateTime ZonedDateTime Instant Pattern Matcher Files Paths TryGetValue \
     ToString GetHashCode IDisposable IEnumerable Dictionary StringComparer ArgumentNullException InvalidOperationException",
    // Ruby, PHP, Lua
    "each_pair each_slice each_cons flat_map group_by sort_by min_by max_by sum zip first last take drop any? all? none? key? nil? zero? start_with? \
     end_with? strip chomp downcase upcase capitalize squeeze tr to_f to_proc itself instance_of kind_of? instance_variable_set const_get \
     class_eval instance_eval Comparable Enumerable Mutex synchronize strtolower strtoupper ucfirst ucwords lcfirst trim ltrim rtrim substr \
     substr_count str_contains str_starts_with str_ends_with str_repeat str_pad str_split strrev strcmp strstr stripos strrpos number_format \
     is_callable is_object is_int is_numeric is_bool is_float is_iterable is_file is_dir file_exists file_get_contents file_put_contents fopen \
     fclose fgets fwrite unlink mkdir array_keys array_values array_slice array_splice array_shift array_unshift array_pop array_push array_search \
     array_unique array_reverse array_combine array_fill array_flip array_column array_diff array_intersect array_walk array_sum array_chunk usort \
     uasort uksort ksort asort call_user_func call_user_func_array func_get_args method_exists property_exists class_exists get_class \
     spl_object_id spl_object_hash SplObjectStorage iterator_to_array ArrayAccess Countable IteratorAggregate Traversable Closure Stringable \
     intval floatval strval boolval settype gettype var_dump print_r serialize unserialize md5 sha1 hash random_int mt_rand microtime strtotime \
     date DateTime DateTimeImmutable DateInterval preg_split preg_quote preg_match_all htmlspecialchars urlencode rawurlencode http_build_query \
     __construct __invoke __get __set __isset __unset __toString __callStatic",
];

/// Names that stand for the reader's own code in an example.
const STAND_INS: &str = "foo bar baz qux foobar handle process consume compute callback handler do_work doWork do_something doSomething do_stuff \
     my_function myFunction my_func myFunc some_function someFunction use_it useIt work";

/// Names that have humps yet are English in a text about software.
const TECHNOLOGY: &str = "JavaScript TypeScript GitHub GitLab OpenSSL OpenAI PyPI PyPy CPython NumPy PyTorch TensorFlow NodeJS \
     WebSocket WebSockets WebAssembly PostgreSQL MySQL SQLite MongoDB GraphQL macOS iOS iPhone iPad FreeBSD OpenBSD NetBSD LaTeX \
     YouTube StackOverflow PowerShell DevTools LuaJIT JavaDoc JSDoc IPv4 IPv6 OAuth OAuth2 ASCIIbetical UTF ASCII LLVM CMake \
     MinGW VSCode PhD eBPF gRPC CommonJS RequireJS AngularJS NextJS NestJS CoffeeScript ECMAScript AssemblyScript PureScript OCaml \
     jQuery ESLint TSLint OpenAPI OpenTelemetry OpenTracing OpenCV OpenMP OpenCL OpenGL OpenSSH OpenType OpenStreetMap WebGL WebGPU WebRTC \
     WebKit DirectX SpiderMonkey QuickJS JavaScriptCore CircleCI AppVeyor JetBrains IntelliJ PyCharm RubyGems CocoaPods NuGet MacPorts \
     OpenWrt OpenSUSE CentOS WordPress NoSQL DynamoDB RabbitMQ RocksDB LevelDB MariaDB CouchDB InfluxDB ClickHouse BigQuery BigTable \
     CloudFront CloudFormation CloudWatch ZooKeeper MapReduce SciPy PyQt SQLAlchemy FastAPI LangChain HuggingFace ChatGPT LibreSSL \
     BoringSSL GnuTLS PuTTY WireGuard IPsec HAProxy GeoJSON MessagePack FlatBuffers JSONPath XPath XQuery MathML AsciiDoc DocBook \
     BibTeX PostScript TrueType EditorConfig MurmurHash CityHash SipHash xxHash ChaCha20 HyperLogLog MinHash SimHash TimSort QuickSort \
     MergeSort HeapSort PageRank JUnit PHPUnit RSpec VirtualBox QEMU iPadOS watchOS tvOS BitBucket SourceForge LinkedIn WhatsApp SaaS \
     DevOps GitOps snake_case camelCase PascalCase CamelCase SCREAMING_SNAKE_CASE TitleCase";

/// Units of storage, time and frequency.
const UNITS: &str = "bit bits byte bytes kB KB MB GB TB PB EB KiB MiB GiB TiB PiB EiB kbit Mbit Gbit ns us µs ms s h sec secs min mins \
     second seconds minute minutes hour hours day days week weeks millisecond milliseconds microsecond microseconds nanosecond \
     nanoseconds Hz kHz MHz GHz px em rem deg";

/// Modules and namespaces of standard libraries whose members are many more than can be listed.
const MODULES: &str = "os sys io json math time datetime random logging functools itertools collections contextlib typing subprocess \
     threading asyncio socket ssl string struct urllib hashlib inspect importlib warnings traceback weakref operator shutil tempfile \
     signal select queue decimal fractions statistics textwrap unicodedata secrets uuid zlib gzip Math JSON Object Array Promise \
     Reflect Intl Atomics Number process console performance crypto path util http https net url querystring std core alloc mem ptr \
     fmt iter slice cmp ops hash env thread atomic fs ffi context errors strings strconv bytes bufio sync sort reflect regexp rand \
     unicode utf8 filepath ioutil httptest big Process Thread Kernel File IO Dir Time Comparable Enumerable ObjectSpace Socket \
     Collections Arrays Objects System Character Integer Long TimeUnit StandardCharsets Files Paths table coroutine debug Console \
     Convert Environment Interlocked Task Encoding CultureInfo ranges chrono numeric_limits";

static KNOWN: LazyLock<HashedSet> = LazyLock::new(|| {
    let words = BUILT_IN.iter().flat_map(|list| list.split_whitespace());
    words.map(words::hash).collect()
});

/// Whether a word needs no evidence.
pub fn is_known(word: &str) -> bool {
    KNOWN.contains(&words::hash(word))
}

static PASSING: LazyLock<HashedSet> = LazyLock::new(|| {
    let lists = IN_PASSING.iter().chain([&STAND_INS, &TECHNOLOGY]);
    let words = lists.flat_map(|list| list.split_whitespace());
    words.map(words::hash).collect()
});

/// Whether a word that the source has not needs no evidence; where the source has it, it is a name like any other.
pub fn is_in_passing(word: &str) -> bool {
    PASSING.contains(&words::hash(word))
}

static STANDARD_MODULES: LazyLock<HashedSet> =
    LazyLock::new(|| MODULES.split_whitespace().map(words::hash).collect());

/// Whether a word names a module or namespace of a standard library, members of which need no evidence.
pub fn is_module(word: &str) -> bool {
    STANDARD_MODULES.contains(&words::hash(word))
}

/// Whether a word is a unit of measure.
pub fn is_unit(word: &str) -> bool {
    MEASURES.contains(&words::hash(word))
}

static MEASURES: LazyLock<HashedSet> =
    LazyLock::new(|| UNITS.split_whitespace().map(words::hash).collect());

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
