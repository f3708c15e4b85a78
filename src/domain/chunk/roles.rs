//! What a node kind means for cutting and for the outline, whatever the language.
//!
//! Grammars name the same thing alike often enough that one table serves them all. Kinds that are not listed are [`Role::Plain`].

use super::outline::SymbolKind::{self, *};

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing special: cutting inside it spoils it.
    Plain,
    /// Has members that stand alone; cutting between them is cheap.
    Container,
    /// A definition that is also a [`Role::Container`].
    Holder(SymbolKind),
    /// A definition.
    Definition(SymbolKind),
    /// A binding: a definition when it is at the top level or binds a function.
    Binding,
    /// Stands around a definition and adds nothing but a prefix: `export`, decorators, `template<…>`.
    Wrapper,
    /// A comment, attribute or decorator: belongs to what follows on the next line.
    Annotation,
    /// Brings names in from elsewhere.
    Import,
}

/// The role of a named node kind.
pub(super) fn role_of(kind: &str) -> Role {
    match kind {
        "comment" | "line_comment" | "block_comment" | "doc_comment" | "attribute_item"
        | "decorator" | "attribute_list" | "annotation" | "marker_annotation"
        | "access_specifier" => Role::Annotation,

        "use_declaration"
        | "extern_crate_declaration"
        | "import_statement"
        | "import_from_statement"
        | "future_import_statement"
        | "import_declaration"
        | "preproc_include"
        | "namespace_use_declaration"
        | "using_directive"
        | "import_header"
        | "import"
        | "package_clause"
        | "package_header"
        | "package_declaration" => Role::Import,

        "impl_item" => Role::Holder(Impl),
        "trait_item" | "trait_declaration" | "trait_definition" => Role::Holder(Trait),
        "interface_declaration" | "protocol_declaration" => Role::Holder(Interface),
        "class_declaration"
        | "abstract_class_declaration"
        | "class_definition"
        | "class_specifier"
        | "class"
        | "record_declaration"
        | "object_declaration"
        | "object_definition" => Role::Holder(Class),
        "mod_item"
        | "module"
        | "internal_module"
        | "namespace_definition"
        | "namespace_declaration" => Role::Holder(Module),

        "function_item"
        | "function_signature_item"
        | "function_definition"
        | "function_declaration"
        | "generator_function_declaration"
        | "function_signature"
        | "method"
        | "singleton_method"
        | "local_function_statement" => Role::Definition(Function),
        "method_definition"
        | "method_declaration"
        | "constructor_declaration"
        | "method_signature"
        | "abstract_method_signature"
        | "protocol_function_declaration"
        | "init_declaration" => Role::Definition(Function),
        "struct_item" | "union_item" | "struct_specifier" | "union_specifier"
        | "struct_declaration" => Role::Definition(Struct),
        "enum_item" | "enum_specifier" | "enum_declaration" | "enum_definition" => {
            Role::Definition(Enum)
        }
        "type_item"
        | "type_alias_declaration"
        | "type_spec"
        | "type_alias"
        | "type_definition"
        | "alias_declaration"
        | "concept_definition"
        | "annotation_type_declaration"
        | "associated_type" => Role::Definition(Type),
        "macro_definition" | "preproc_function_def" => Role::Definition(Macro),
        "const_item" | "static_item" | "const_spec" | "const_element" | "preproc_def" => {
            Role::Definition(Constant)
        }

        "variable_declarator"
        | "assignment"
        | "assignment_expression"
        | "assignment_statement"
        | "pair"
        | "field_definition"
        | "public_field_definition"
        | "var_spec"
        | "declaration"
        | "field" => Role::Binding,

        "export_statement"
        | "decorated_definition"
        | "template_declaration"
        | "lexical_declaration"
        | "variable_declaration"
        | "expression_statement"
        | "ambient_declaration"
        | "type_declaration"
        | "const_declaration"
        | "var_declaration"
        | "variable_assignment"
        | "var_spec_list" => Role::Wrapper,

        "source_file"
        | "program"
        | "translation_unit"
        | "chunk"
        | "declaration_list"
        | "class_body"
        | "interface_body"
        | "enum_body"
        | "object"
        | "object_type"
        | "foreign_mod_item"
        | "linkage_specification"
        | "field_declaration_list"
        | "body_statement"
        | "preproc_if"
        | "preproc_ifdef"
        | "preproc_else"
        | "preproc_elif"
        | "template_body" => Role::Container,

        _ => Role::Plain,
    }
}
