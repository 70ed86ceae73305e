//! Arguments to parameters, as Python binds them: by position, by keyword, from defaults, and `*args` as a tuple.

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyDict, PyFunction, PyString, PyTuple};

/// A function's parameters, in the order of its code's `co_varnames`.
pub(crate) struct Parameters {
    /// Names of all but a `**kwargs`; interned.
    names: Vec<Py<PyString>>,
    /// Values of defaults, as they were when the function was decorated.
    defaults: Vec<Option<Py<PyAny>>>,
    /// How many may be given by position.
    n_positional: usize,
    /// How many of these only by position.
    n_positional_only: usize,
    /// Whether the last one is `*args`.
    has_star: bool,
}

/// Arguments in the order of the parameters; borrowed but for the tuple of `*args`.
pub(crate) struct Bound_ {
    args: Vec<*mut ffi::PyObject>,
    /// Keeps the tuple alive.
    _star: Option<Py<PyTuple>>,
}

impl Bound_ {
    pub(crate) fn args(&self) -> &[*mut ffi::PyObject] {
        &self.args
    }
}

const CO_VARARGS: u32 = 0x4;

impl Parameters {
    /// The parameters of `function`.
    pub(crate) fn new(function: &Bound<'_, PyFunction>) -> PyResult<Self> {
        let code = function.getattr("__code__")?;
        let code = code.cast::<PyCode>()?;
        let count = |name| code.getattr(name)?.extract::<usize>();
        let n_positional = count("co_argcount")?;
        let n_positional_only = count("co_posonlyargcount")?;
        let n_keyword_only = count("co_kwonlyargcount")?;
        let has_star = code.getattr("co_flags")?.extract::<u32>()? & CO_VARARGS != 0;
        let n_all = n_positional + n_keyword_only + usize::from(has_star);

        let names = code.getattr("co_varnames")?;
        let names = names.cast::<PyTuple>()?;
        let names = names
            .iter()
            .take(n_all)
            .map(|name| Ok(name.cast_into::<PyString>()?.unbind()))
            .collect::<PyResult<Vec<_>>>()?;

        let mut defaults: Vec<Option<Py<PyAny>>> = (0..n_all).map(|_| None).collect();
        if let Ok(values) = function.getattr("__defaults__")?.cast::<PyTuple>() {
            for (value, place) in values.iter().rev().zip(defaults[..n_positional].iter_mut().rev()) {
                *place = Some(value.unbind());
            }
        }
        if let Ok(values) = function.getattr("__kwdefaults__")?.cast::<PyDict>() {
            for index in n_positional..n_positional + n_keyword_only {
                defaults[index] = values.get_item(names[index].bind(function.py()))?.map(Bound::unbind);
            }
        }
        Ok(Self { names, defaults, n_positional, n_positional_only, has_star })
    }

    /// How many there are, `*args` counted as one.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether a call with `n_args` arguments, all by position, binds each to the parameter of its place.
    #[inline]
    pub(crate) fn is_plain(&self, n_args: usize) -> bool {
        n_args == self.n_positional && n_args == self.names.len()
    }

    /// The name of a parameter.
    pub(crate) fn name<'py>(&self, py: Python<'py>, index: usize) -> &Bound<'py, PyString> {
        self.names[index].bind(py)
    }

    /// Binds a call's arguments; none if Python would refuse the call with a `TypeError`.
    ///
    /// `args` holds those by position, then the values of `keywords`.
    pub(crate) fn bind(
        &self,
        py: Python<'_>,
        args: &[*mut ffi::PyObject],
        n_args: usize,
        keywords: Option<&Bound<'_, PyTuple>>,
    ) -> PyResult<Option<Bound_>> {
        let mut bound = vec![std::ptr::null_mut(); self.names.len()];
        let (by_position, by_keyword) = args.split_at(n_args);
        let n_direct = n_args.min(self.n_positional);
        bound[..n_direct].copy_from_slice(&by_position[..n_direct]);

        let mut star = None;
        if self.has_star {
            let rest = by_position[n_direct..].iter().map(|arg| {
                // SAFETY: the caller's arguments are live through the call.
                unsafe { Borrowed::from_ptr(py, *arg) }
            });
            let rest = PyTuple::new(py, rest.collect::<Vec<_>>())?.unbind();
            if let Some(place) = bound.last_mut() {
                *place = rest.as_ptr();
            }
            star = Some(rest);
        } else if n_args > n_direct {
            return Ok(None);
        }

        if let Some(keywords) = keywords {
            for (keyword, value) in keywords.iter().zip(by_keyword) {
                match self.keyword_place(&keyword)? {
                    Some(index) if bound[index].is_null() => bound[index] = *value,
                    _ => return Ok(None),
                }
            }
        }
        for (place, default) in bound.iter_mut().zip(&self.defaults) {
            if place.is_null() {
                let Some(default) = default else { return Ok(None) };
                *place = default.as_ptr();
            }
        }
        Ok(Some(Bound_ { args: bound, _star: star }))
    }

    /// The error that Python raises for a call that [`Parameters::bind`] refused, in Python's own words.
    pub(crate) fn refusal(
        function: &Bound<'_, PyFunction>,
        args: &[*mut ffi::PyObject],
        n_args: usize,
        keywords: Option<&Bound<'_, PyTuple>>,
    ) -> PyErr {
        let py = function.py();
        let keywords = keywords.map_or(std::ptr::null_mut(), Bound::as_ptr);
        // The interpreter binds before it runs the body, and fails there as we did.
        // SAFETY: the thread is attached, and the arguments are live and lie as the protocol asks.
        let result = unsafe { ffi::PyObject_Vectorcall(function.as_ptr(), args.as_ptr(), n_args, keywords) };
        // SAFETY: a new reference, or null with an exception set.
        match unsafe { Bound::from_owned_ptr_or_err(py, result) } {
            Err(error) => error,
            Ok(_) => PyRuntimeError::new_err("Python accepts arguments that ungil refuses: a fault of ungil"),
        }
    }

    /// The parameter that `keyword` names, if it may be given so.
    fn keyword_place(&self, keyword: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        let end = self.names.len() - usize::from(self.has_star);
        let candidates = self.names.iter().enumerate().take(end).skip(self.n_positional_only);
        // Keywords in source and names of parameters are interned: one object for one name.
        if let Some((index, _)) = candidates.clone().find(|(_, name)| name.as_ptr() == keyword.as_ptr()) {
            return Ok(Some(index));
        }
        for (index, name) in candidates {
            if keyword.eq(name)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Shows the defaults to the garbage collector.
    pub(crate) fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.defaults.iter().flatten().try_for_each(|default| visit.call(default))
    }
}
