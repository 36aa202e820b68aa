//! Readers of request bodies (`FromFields`) and of query strings (`FromParams`), derived from the
//! struct that is read: one line a member.
//!
//! The type of a member says how it is read: `Option<T>` may be missing, a `Patch<T>` may also be
//! cleared by `null`, anything else is required. Every member is read before any fault ends the
//! reading, so that all faults are told at once. `#[read(…)]` says what else is so of a member:
//!
//! | | |
//! |---|---|
//! | `changed` | an `Option` of a `PATCH`: may be missing, but not `null` |
//! | `default`, `default = expression` | what it is when it is missing |
//! | `with = Word` | is read as the tuple struct `Word`, and taken out of it |
//! | `max = number` | an array of at most so many objects, each read member by member |
//! | `via = function` | is read by `fn(&mut Fields) -> Option<T>` |
//! | `cursor = ORDER` | the cursor of a list in this order, by time |
//! | `flatten` | its members stand among those of this struct |
//! | `rename = "name"` | its name, where it is not the field's |
//!
//! and of the struct: `body_optional` (a request may come without a body), and `check = function`,
//! an `fn(Self, &mut Fields) -> Option<Self>` that notes what only several members together show.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Field, Fields, LitStr, Path, Result, Type};

/// Derives the reader of a JSON object.
#[proc_macro_derive(FromFields, attributes(read))]
pub fn from_fields(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(input, Source::Body)
}

/// Derives the reader of a query string.
#[proc_macro_derive(FromParams, attributes(read))]
pub fn from_params(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(input, Source::Query)
}

#[derive(Clone, Copy, PartialEq)]
enum Source {
    Body,
    Query,
}

fn derive(input: proc_macro::TokenStream, source: Source) -> proc_macro::TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    reader(&input, source).unwrap_or_else(Error::into_compile_error).into()
}

fn reader(input: &DeriveInput, source: Source) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.span(), "only a struct can be read"));
    };
    let Fields::Named(members) = &data.fields else {
        return Err(Error::new(input.span(), "its members need names"));
    };
    let whole = Whole::of(&input.attrs)?;
    let mut reads = Vec::new();
    let mut members_read = Vec::new();
    for member in &members.named {
        let name =
            member.ident.as_ref().ok_or_else(|| Error::new(member.span(), "needs a name"))?;
        let read = Member::of(&member.attrs)?.read(member, source)?;
        // A name of its own: a pattern that is called like a route would be the route.
        let value = format_ident!("read_{name}");
        reads.push(quote!(let #value = #read;));
        members_read.push(quote!(#name: #value?));
    }
    let check = whole.check.map(|check| quote!(let value = #check(value, source)?;));
    let body_optional = whole.body_optional.then(|| {
        quote!(
            const BODY_OPTIONAL: bool = true;
        )
    });
    let (name, (generics, arguments, bounds)) = (&input.ident, input.generics.split_for_impl());
    let (reader, function, argument) = match source {
        Source::Body => (
            quote!(crate::api::fields::FromFields),
            quote!(from_fields),
            quote!(crate::api::fields::Fields),
        ),
        Source::Query => (
            quote!(crate::api::query::FromParams),
            quote!(from_params),
            quote!(crate::api::query::Params),
        ),
    };
    Ok(quote! {
        impl #generics #reader for #name #arguments #bounds {
            #body_optional

            fn #function(source: &mut #argument) -> ::core::option::Option<Self> {
                #(#reads)*
                let value = Self { #(#members_read),* };
                #check
                ::core::option::Option::Some(value)
            }
        }
    })
}

/// What `#[read(…)]` says of the struct.
#[derive(Default)]
struct Whole {
    body_optional: bool,
    check: Option<Path>,
}

impl Whole {
    fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut whole = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("read")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("body_optional") {
                    whole.body_optional = true;
                } else if meta.path.is_ident("check") {
                    whole.check = Some(meta.value()?.parse()?);
                } else {
                    return Err(meta.error("is not known here"));
                }
                Ok(())
            })?;
        }
        Ok(whole)
    }
}

/// What `#[read(…)]` says of a member.
#[derive(Default)]
struct Member {
    changed: bool,
    flatten: bool,
    default: Option<Option<Expr>>,
    with: Option<Path>,
    max: Option<Expr>,
    via: Option<Path>,
    cursor: Option<Expr>,
    rename: Option<LitStr>,
}

impl Member {
    fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut member = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("read")) {
            attribute.parse_nested_meta(|meta| {
                let Some(word) = meta.path.get_ident().map(ToString::to_string) else {
                    return Err(meta.error("is not known here"));
                };
                match word.as_str() {
                    "changed" => member.changed = true,
                    "flatten" => member.flatten = true,
                    "default" if meta.input.peek(syn::Token![=]) => {
                        member.default = Some(Some(meta.value()?.parse()?));
                    }
                    "default" => member.default = Some(None),
                    "with" => member.with = Some(meta.value()?.parse()?),
                    "max" => member.max = Some(meta.value()?.parse()?),
                    "via" => member.via = Some(meta.value()?.parse()?),
                    "cursor" => member.cursor = Some(meta.value()?.parse()?),
                    "rename" => member.rename = Some(meta.value()?.parse()?),
                    _ => return Err(meta.error("is not known here")),
                }
                Ok(())
            })?;
        }
        Ok(member)
    }

    /// The expression that reads the member: an `Option`, `None` when there is a fault.
    fn read(&self, field: &Field, source: Source) -> Result<TokenStream> {
        let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        let name = self.rename.clone().unwrap_or_else(|| LitStr::new(&name, field.span()));
        let kind = &field.ty;
        let span = field.span();
        if self.flatten {
            return Ok(match source {
                Source::Body => {
                    quote_spanned!(span=> <#kind as crate::api::fields::FromFields>::from_fields(source))
                }
                Source::Query => {
                    quote_spanned!(span=> <#kind as crate::api::query::FromParams>::from_params(source))
                }
            });
        }
        if let Some(via) = &self.via {
            return Ok(quote_spanned!(span=> #via(source)));
        }
        if let Some(order) = &self.cursor {
            return Ok(quote_spanned!(span=> source.cursor_by_time(#order)));
        }
        let is_patch = is(kind, "Patch");
        let may_be_missing = is(kind, "Option") || self.default.is_some();
        let value = match (&self.max, may_be_missing) {
            (Some(max), _) => quote_spanned!(span=> source.items(#name, #max)),
            _ if is_patch => quote_spanned!(span=> source.patched(#name)),
            _ if self.changed => quote_spanned!(span=> source.changed(#name)),
            (None, true) => quote_spanned!(span=> source.optional(#name)),
            (None, false) => quote_spanned!(span=> source.required(#name)),
        };
        let value = match &self.with {
            None => value,
            Some(with) if is_patch || self.changed || may_be_missing => {
                quote_spanned!(span=> #value.map(|value| value.map(|#with(value)| value)))
            }
            Some(with) => quote_spanned!(span=> #value.map(|#with(value)| value)),
        };
        Ok(match &self.default {
            None => value,
            Some(None) => quote_spanned!(span=> #value.map(|value| value.unwrap_or_default())),
            Some(Some(default)) => {
                quote_spanned!(span=> #value.map(|value| value.unwrap_or(#default)))
            }
        })
    }
}

/// Whether a type is called so, whatever stands before and behind: `Option<T>`.
fn is(kind: &Type, name: &str) -> bool {
    let Type::Path(path) = kind else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == name)
}
