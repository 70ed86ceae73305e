//! The way of a call: from the interpreter's vectorcall to compiled code and back.
//!
//! A call whose arguments are all given by position and have exactly the types of a compiled version takes no lock,
//! allocates nothing but its result, and looks at nothing but the arguments' classes. All other calls come to
//! [`slow`]: keywords and defaults, conversions, the first call with new types. Read `overload.rs` next.

use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyTupleMethods};
use ungil_codegen::EntryFn;
use ungil_ir::Type;
use ungil_rt::{Context, LongCall};

use crate::dispatcher::Dispatcher;
use crate::errors::TypingError;
use crate::output::CallFrame;
use crate::overload::Overload;
use crate::typeof_::Problem;
use crate::{compile, gil, raise, typeof_};

/// Words of 16 bytes for arguments, and for a result, that are kept on the stack; a guess at what most functions need.
const STACK_WORDS: usize = 8;

/// Memory for a C struct of arguments or a result.
type Words = [MaybeUninit<u128>; STACK_WORDS];

/// Calls `callable`, a dispatcher.
///
/// # Safety
///
/// As CPython's vectorcall protocol says: the thread is attached, `args` holds the arguments by position and then the
/// values of `keywords`, a tuple of names or null.
pub(crate) unsafe extern "C" fn vectorcall(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargsf: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the protocol says that the thread is attached.
    let py = unsafe { gil::already_attached() };
    // SAFETY: the caller keeps the object alive through the call.
    let callable = unsafe { Borrowed::from_ptr(py, callable) };
    // SAFETY: the slot belongs to the class `Dispatcher`, which has no subclasses.
    let callable = unsafe { callable.cast_unchecked::<Dispatcher>() };
    // SAFETY: a plain function of the number alone.
    let n_args = unsafe { ffi::PyVectorcall_NARGS(nargsf) } as usize;
    let this = callable.get();
    if keywords.is_null() && this.parameters.is_plain(n_args) {
        // SAFETY: the protocol says that so many arguments lie there.
        let plain = unsafe { arguments(args, n_args) };
        // SAFETY: the arguments are live objects, one a parameter.
        if let Some(result) = unsafe { try_compiled(py, this, plain) } {
            return result;
        }
    }
    // SAFETY: the contract is handed on.
    unsafe { slow(callable, args, n_args, keywords) }
}

/// Calls the version that was compiled for exactly the types of `args`, if there is one.
///
/// # Safety
///
/// `args` are live objects, one a parameter.
#[inline]
unsafe fn try_compiled(
    py: Python<'_>,
    this: &Dispatcher,
    args: &[*mut ffi::PyObject],
) -> Option<*mut ffi::PyObject> {
    let is_only = this.is_sealed() && this.table.has_one();
    for overload in this.table.iter() {
        if overload.compiled.args_layout().size > size_of::<Words>() {
            continue;
        }
        let mut words: Words = [MaybeUninit::uninit(); STACK_WORDS];
        let place = words.as_mut_ptr().cast::<u8>();
        // SAFETY: the arguments are live, and the struct fits the words, as was just asked.
        if unsafe { overload.unbox(args, place, is_only) } {
            // SAFETY: the struct has been written.
            return Some(unsafe { run(py, this, overload, place) });
        }
    }
    None
}

/// Runs a version on arguments that lie at `args`; the result is a new reference, or null with an exception set.
///
/// # Safety
///
/// `args` points at a struct of the version's argument types.
unsafe fn run(py: Python<'_>, this: &Dispatcher, overload: &Overload, args: *const u8) -> *mut ffi::PyObject {
    // SAFETY: the contract is handed on.
    let end = unsafe { enter(py, this, overload, args, |ret| overload.boxer.make(py, &this.objects, ret)) };
    match end {
        Ok(object) => object,
        Err((raised, held)) => {
            raise::to_exception(py, raised, &this.objects, held).restore(py);
            ptr::null_mut()
        }
    }
}

/// What left compiled code by an exception: which one, and what the host keeps of it.
pub(crate) type Raising = (ungil_jit::Raised, Option<PyErr>);

/// Runs a version on arguments that lie at `args`, and `finish` on where its result lies.
///
/// # Errors
///
/// What it raised, not yet made Python's.
///
/// # Safety
///
/// `args` points at a struct of the version's argument types. `finish` is called where a value of the version's result type
/// lies, which it may read.
#[inline]
pub(crate) unsafe fn enter<R>(
    py: Python<'_>,
    this: &Dispatcher,
    overload: &Overload,
    args: *const u8,
    finish: impl FnOnce(*const u8) -> R,
) -> Result<R, Raising> {
    let mut words: Words = [MaybeUninit::uninit(); STACK_WORDS];
    let mut heap = Vec::new();
    let ret = if overload.ret_size <= size_of::<Words>() {
        words.as_mut_ptr().cast::<u8>()
    } else {
        heap.resize(overload.ret_size.div_ceil(size_of::<u128>()), 0_u128);
        heap.as_mut_ptr().cast::<u8>()
    };
    let frame = CallFrame::new(overload, &this.objects);
    let mut ctx = Context::new((&raw const frame).cast());
    let call = Call { entry: overload.entry, ctx: &raw mut ctx, args, ret };
    let status = if overload.is_detached {
        let _long_call = overload.is_long.then(LongCall::enter);
        // SAFETY: the struct of arguments and the place of the result are as the version's types ask, and stay.
        gil::detached(py, move || unsafe { call.run() })
    } else {
        // SAFETY: as above.
        unsafe { call.run() }
    };
    if status == 0 {
        // The code has returned, so the result has been written.
        return Ok(finish(ret));
    }
    Err(raising(&mut ctx, frame))
}

/// What compiled code has reported.
#[cold]
fn raising(ctx: &mut Context, frame: CallFrame<'_>) -> Raising {
    let raised = match ctx.take_error() {
        Some(error) => frame.overload.compiled.raised(&error),
        None => ungil_jit::Raised { kind: ungil_jit::RaisedKind::Host, sites: Vec::new() },
    };
    (raised, frame.into_held())
}

/// One entry into compiled code.
struct Call {
    entry: EntryFn,
    ctx: *mut Context,
    args: *const u8,
    ret: *mut u8,
}

// SAFETY: `detached` runs the call on the same thread; it asks for `Send` only to keep Python's objects out, and compiled
// code handles none.
unsafe impl Send for Call {}

impl Call {
    /// # Safety
    ///
    /// As [`ungil_codegen::Code::entry`] says.
    #[inline]
    unsafe fn run(self) -> i32 {
        // SAFETY: as the caller promises.
        unsafe { (self.entry)(self.ctx, self.args, self.ret) }
    }
}

/// Any call.
///
/// # Safety
///
/// As [`vectorcall`].
#[cold]
unsafe fn slow(
    callable: Borrowed<'_, '_, Dispatcher>,
    args: *const *mut ffi::PyObject,
    n_args: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    gil::attached(|py| {
        // SAFETY: a tuple that the caller keeps alive, or null.
        let keywords = unsafe { Bound::from_borrowed_ptr_or_opt(py, keywords) };
        // SAFETY: the protocol says that keywords are a tuple.
        let keywords = keywords.map(|keywords| unsafe { keywords.cast_into_unchecked::<PyTuple>() });
        let n_all = n_args + keywords.as_ref().map_or(0, PyTupleMethods::len);
        // SAFETY: the protocol says that so many arguments lie there.
        let args = unsafe { arguments(args, n_all) };
        // A panic is a fault of the compiler; the user's program goes on with an exception.
        let result =
            catch_unwind(AssertUnwindSafe(|| bind_and_call(py, &callable, args, n_args, keywords.as_ref())));
        match result {
            Ok(Ok(object)) => object,
            Ok(Err(error)) => {
                error.restore(py);
                ptr::null_mut()
            }
            Err(_) => {
                PySystemError::new_err("the compiler panicked, which is a fault of ungil").restore(py);
                ptr::null_mut()
            }
        }
    })
}

fn bind_and_call(
    py: Python<'_>,
    callable: &Bound<'_, Dispatcher>,
    args: &[*mut ffi::PyObject],
    n_args: usize,
    keywords: Option<&Bound<'_, PyTuple>>,
) -> PyResult<*mut ffi::PyObject> {
    let this = callable.get();
    let Some(bound) = this.parameters.bind(py, args, n_args, keywords)? else {
        let function = this.function(py);
        return Err(crate::bind::Parameters::refusal(function, args, n_args, keywords));
    };
    // SAFETY: the caller, the defaults and `bound` keep the objects alive, and there is one a parameter.
    if let Some(result) = unsafe { try_compiled(py, this, bound.args()) } {
        return Ok(result);
    }
    let objects: Vec<Bound<'_, PyAny>> = bound
        .args()
        .iter()
        // SAFETY: as above.
        .map(|arg| unsafe { Bound::from_borrowed_ptr(py, *arg) })
        .collect();
    let types = argument_types(callable, &objects)?;
    let overload = compile::overload_for_call(callable, &types)?;

    let layout = overload.compiled.args_layout();
    let mut words = vec![0_u128; layout.size.div_ceil(size_of::<u128>())];
    // SAFETY: the vector's own memory, every byte of it initialised.
    let bytes = unsafe {
        slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), words.len() * size_of::<u128>())
    };
    let params = overload.compiled.params().iter().zip(overload.compiled.offsets());
    for (index, (object, (ty, offset))) in objects.iter().zip(params).enumerate() {
        typeof_::write(object, ty, &mut bytes[*offset..], this.parameters.name(py, index))?;
    }
    // SAFETY: each argument has been written at its place.
    Ok(unsafe { run(py, this, overload, words.as_ptr().cast()) })
}

/// The types of a call's arguments.
pub(crate) fn argument_types(
    callable: &Bound<'_, Dispatcher>,
    objects: &[Bound<'_, PyAny>],
) -> PyResult<Vec<Type>> {
    let py = callable.py();
    let this = callable.get();
    let mut object_type = |object: &Bound<'_, PyAny>| this.object_type(callable, object);
    let mut types = Vec::with_capacity(objects.len());
    for (index, object) in objects.iter().enumerate() {
        match typeof_::value_type_or(object, &mut object_type)? {
            Ok(ty) => types.push(ty),
            Err(problem) => {
                let parameter = this.parameters.name(py, index);
                let function = this.function(py).getattr("__qualname__")?;
                let message = format!("argument `{parameter}` of `{function}` is {problem}");
                return Err(match problem {
                    Problem::TooLarge => pyo3::exceptions::PyOverflowError::new_err(message),
                    Problem::Class(_) => TypingError::new_err(message),
                });
            }
        }
    }
    Ok(types)
}

/// # Safety
///
/// `count` arguments lie at `args`, or it is 0.
#[inline]
unsafe fn arguments<'a>(args: *const *mut ffi::PyObject, count: usize) -> &'a [*mut ffi::PyObject] {
    if count == 0 {
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { slice::from_raw_parts(args, count) }
}
