//! The loader: objects into this process, by LLVM's ORC.
//!
//! One `LLJIT` serves the process and lives as long; every access to it holds its lock. Each loaded
//! object has a *dylib* (ORC's name space) to itself, so that all objects may call their entry alike. The C interface
//! can neither remove a dylib nor link one to another: so each gets its own definitions of the runtime's symbols, and
//! when an object is unloaded, its memory is freed by its resource tracker and the dylib is kept for the next one.
//!
//! Nothing is compiled in here and ORC starts no threads: a look-up loads and links on the thread that asks.

use std::ffi::{CStr, CString, c_void};
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use inkwell::OptimizationLevel;
use inkwell::llvm_sys::core::LLVMCreateMemoryBufferWithMemoryRangeCopy;
use inkwell::llvm_sys::error::{LLVMDisposeErrorMessage, LLVMErrorRef, LLVMGetErrorMessage};
use inkwell::llvm_sys::orc2::lljit::{
    LLVMOrcCreateLLJIT, LLVMOrcCreateLLJITBuilder, LLVMOrcLLJITAddObjectFileWithRT,
    LLVMOrcLLJITBuilderSetJITTargetMachineBuilder, LLVMOrcLLJITGetExecutionSession,
    LLVMOrcLLJITGetGlobalPrefix, LLVMOrcLLJITMangleAndIntern, LLVMOrcLLJITRef,
};
use inkwell::llvm_sys::orc2::{
    LLVMJITEvaluatedSymbol, LLVMJITSymbolFlags, LLVMJITSymbolGenericFlags, LLVMOrcAbsoluteSymbols,
    LLVMOrcCJITDylibSearchOrderElement, LLVMOrcCLookupSetElement, LLVMOrcCSymbolMapPair,
    LLVMOrcCSymbolMapPairs, LLVMOrcCreateDynamicLibrarySearchGeneratorForPath,
    LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess, LLVMOrcDefinitionGeneratorRef,
    LLVMOrcExecutionSessionCreateBareJITDylib, LLVMOrcExecutionSessionLookup, LLVMOrcJITDylibAddGenerator,
    LLVMOrcJITDylibCreateResourceTracker, LLVMOrcJITDylibDefine, LLVMOrcJITDylibLookupFlags,
    LLVMOrcJITDylibRef, LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine, LLVMOrcLookupKind,
    LLVMOrcReleaseResourceTracker, LLVMOrcReleaseSymbolStringPoolEntry, LLVMOrcResourceTrackerRef,
    LLVMOrcResourceTrackerRemove, LLVMOrcSymbolLookupFlags, LLVMOrcSymbolStringPoolEntryRef,
};

use crate::{EntryFn, Error, fork, lower, target};

/// Loads an object and links it with the runtime and the C library.
pub(crate) fn load(object: &[u8]) -> Result<Library, Error> {
    with_loader(|loader| loader.load(object))
}

/// A loaded object; unloaded when dropped.
pub(crate) struct Library {
    dylib: LLVMOrcJITDylibRef,
    tracker: LLVMOrcResourceTrackerRef,
    entry: EntryFn,
    is_long: bool,
}

// SAFETY: the pointers are only handed to ORC, with the loader's lock held; the code itself may run on any thread.
unsafe impl Send for Library {}
// SAFETY: as above; sharing one gives out copies of the entry and of what its name said.
unsafe impl Sync for Library {}

impl Library {
    pub(crate) fn entry(&self) -> EntryFn {
        self.entry
    }

    /// Whether the entry may run long, by its name.
    pub(crate) fn is_long(&self) -> bool {
        self.is_long
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // The thread may hold the interpreter, for which the thread that ends the process would wait: it must not be put
        // to sleep, and the memory goes with the process. The loader exists, for it has loaded this.
        fork::inside_unless_closed(|| {
            let mut slot = LOADER.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(loader) = &mut *slot {
                unload(self.tracker);
                loader.free.push(self.dylib);
            }
        });
    }
}

struct Loader {
    jit: LLVMOrcLLJITRef,
    /// Dylibs that hold the runtime's symbols and nothing else.
    free: Vec<LLVMOrcJITDylibRef>,
    n_dylibs: usize,
}

/// The loader, made when first needed.
///
/// The lock is taken inside the gate of [`crate::fork`], so no fork finds it held.
static LOADER: Mutex<Option<Loader>> = Mutex::new(None);

// SAFETY: ORC's data belongs to no thread; the lock sees to it that one at a time uses it.
unsafe impl Send for Loader {}

fn with_loader<R>(work: impl FnOnce(&mut Loader) -> Result<R, Error>) -> Result<R, Error> {
    fork::inside(|| {
        // A panic inside leaves the loader whole: it is changed by one push or pop at a time.
        let mut slot = LOADER.lock().unwrap_or_else(PoisonError::into_inner);
        let loader = match &mut *slot {
            Some(loader) => loader,
            None => slot.insert(Loader::new()?),
        };
        work(loader)
    })
}

impl Loader {
    fn new() -> Result<Self, Error> {
        // Nothing is compiled in there, so a machine of the family will do.
        let machine = target::machine(OptimizationLevel::None)?;
        let mut jit = ptr::null_mut();
        let machine = ManuallyDrop::new(machine);
        // SAFETY: the machine is live; the call takes it, and nobody else drops it.
        let machine = unsafe { LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(machine.as_mut_ptr()) };
        // SAFETY: it makes a builder out of nothing.
        let builder = unsafe { LLVMOrcCreateLLJITBuilder() };
        // SAFETY: both are live; the builder takes the machine's.
        unsafe { LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(builder, machine) };
        // SAFETY: the builder is live, and taken; `jit` is written if there is no error.
        let error = unsafe { LLVMOrcCreateLLJIT(&raw mut jit, builder) };
        check("start its loader", error)?;
        Ok(Self { jit, free: Vec::new(), n_dylibs: 0 })
    }

    fn load(&mut self, object: &[u8]) -> Result<Library, Error> {
        let dylib = match self.free.pop() {
            Some(dylib) => dylib,
            None => self.new_dylib()?,
        };
        // SAFETY: the dylib is one of this session's.
        let tracker = unsafe { LLVMOrcJITDylibCreateResourceTracker(dylib) };
        let entry = self.add(object, tracker).and_then(|()| self.find_entry(dylib));
        match entry {
            Ok((entry, is_long)) => Ok(Library { dylib, tracker, entry, is_long }),
            Err(error) => {
                unload(tracker);
                self.free.push(dylib);
                Err(error)
            }
        }
    }

    fn add(&mut self, object: &[u8], tracker: LLVMOrcResourceTrackerRef) -> Result<(), Error> {
        let name = c"ungil";
        // SAFETY: the range is readable, and copied.
        let buffer = unsafe {
            LLVMCreateMemoryBufferWithMemoryRangeCopy(object.as_ptr().cast(), object.len(), name.as_ptr())
        };
        // SAFETY: the loader and the tracker are live; the buffer becomes the loader's.
        check("read an object", unsafe { LLVMOrcLLJITAddObjectFileWithRT(self.jit, tracker, buffer) })
    }

    /// A dylib that knows the runtime, the mathematics library and the process.
    fn new_dylib(&mut self) -> Result<LLVMOrcJITDylibRef, Error> {
        let name = CString::new(format!("unit{}", self.n_dylibs)).expect("no NUL in a number");
        self.n_dylibs += 1;
        // SAFETY: the session lives as long as the loader.
        let session = unsafe { LLVMOrcLLJITGetExecutionSession(self.jit) };
        // SAFETY: the session is live; no other dylib has that name.
        let dylib = unsafe { LLVMOrcExecutionSessionCreateBareJITDylib(session, name.as_ptr()) };
        let mut symbols: Vec<_> = ungil_rt::symbols()
            .into_iter()
            .map(|(name, address)| LLVMOrcCSymbolMapPair {
                Name: self.intern(&CString::new(name).expect("names have no NUL")),
                Sym: LLVMJITEvaluatedSymbol {
                    Address: address as u64,
                    Flags: LLVMJITSymbolFlags {
                        GenericFlags: LLVMJITSymbolGenericFlags::LLVMJITSymbolGenericFlagsExported as u8,
                        TargetFlags: 0,
                    },
                },
            })
            .collect();
        // SAFETY: the pairs are copied, their names become the unit's.
        let unit = unsafe { LLVMOrcAbsoluteSymbols(symbols.as_mut_ptr(), symbols.len()) };
        // SAFETY: both are live; the unit becomes the dylib's.
        check("define the runtime", unsafe { LLVMOrcJITDylibDefine(dylib, unit) })?;
        // SAFETY: the loader is live.
        let prefix = unsafe { LLVMOrcLLJITGetGlobalPrefix(self.jit) };
        if cfg!(target_os = "linux") {
            // The process may have loaded us, and with us the mathematics library, where a search of the process does
            // not look.
            add_generator(dylib, |generator| {
                // SAFETY: the path is a C string, and there is no filter to call.
                unsafe {
                    LLVMOrcCreateDynamicLibrarySearchGeneratorForPath(
                        generator,
                        c"libm.so.6".as_ptr(),
                        prefix,
                        None,
                        ptr::null_mut(),
                    )
                }
            })?;
        }
        add_generator(dylib, |generator| {
            // SAFETY: there is no filter to call.
            unsafe {
                LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(generator, prefix, None, ptr::null_mut())
            }
        })?;
        Ok(dylib)
    }

    /// The entry in `dylib`, and whether it has the name of one that may run long.
    fn find_entry(&mut self, dylib: LLVMOrcJITDylibRef) -> Result<(EntryFn, bool), Error> {
        // SAFETY: the session lives as long as the loader.
        let session = unsafe { LLVMOrcLLJITGetExecutionSession(self.jit) };
        let [long, brief] = [lower::ENTRY, lower::BRIEF_ENTRY].map(|name| self.intern(name));
        let mut order = [LLVMOrcCJITDylibSearchOrderElement {
            JD: dylib,
            JDLookupFlags: LLVMOrcJITDylibLookupFlags::LLVMOrcJITDylibLookupFlagsMatchExportedSymbolsOnly,
        }];
        // It has one of the two.
        let mut wanted = [long, brief].map(|name| LLVMOrcCLookupSetElement {
            Name: name,
            LookupFlags: LLVMOrcSymbolLookupFlags::LLVMOrcSymbolLookupFlagsWeaklyReferencedSymbol,
        });
        let mut found: Found = Err(Error::llvm("link code", "no answer"));
        // SAFETY: the lists have the lengths given and live until the call returns; without threads of its own ORC calls
        // `take_symbol` once, before it returns, with the pointer to `found`.
        unsafe {
            LLVMOrcExecutionSessionLookup(
                session,
                LLVMOrcLookupKind::LLVMOrcLookupKindStatic,
                order.as_mut_ptr(),
                order.len(),
                wanted.as_mut_ptr(),
                wanted.len(),
                take_symbol,
                (&raw mut found).cast(),
            );
        }
        let found = found.map(|(name, address)| (name == long, address as usize as *const ()));
        for name in [long, brief] {
            // SAFETY: `intern` gave us this reference, and neither the look-up nor what it found is in use any more.
            unsafe { LLVMOrcReleaseSymbolStringPoolEntry(name) };
        }
        let (is_long, address) = found?;
        // SAFETY: the symbol is the entry that `lower` made with that signature (or the caller of `Code::load` answers).
        Ok((unsafe { std::mem::transmute::<*const (), EntryFn>(address) }, is_long))
    }

    fn intern(&self, name: &CStr) -> LLVMOrcSymbolStringPoolEntryRef {
        // SAFETY: the loader is live and the name a C string.
        unsafe { LLVMOrcLLJITMangleAndIntern(self.jit, name.as_ptr()) }
    }
}

/// Frees what the tracker tracks, and the tracker.
fn unload(tracker: LLVMOrcResourceTrackerRef) {
    // SAFETY: the tracker is live, and the caller gives it up with the code that it tracks.
    let removed = check("unload code", unsafe { LLVMOrcResourceTrackerRemove(tracker) });
    debug_assert!(removed.is_ok(), "{removed:?}");
    // SAFETY: it is not used again.
    unsafe { LLVMOrcReleaseResourceTracker(tracker) };
}

/// The one symbol that a look-up found: its name, alive for as long as the look-up's own references, and its address.
type Found = Result<(LLVMOrcSymbolStringPoolEntryRef, u64), Error>;

/// Receives the answer of a look-up.
extern "C" fn take_symbol(
    error: LLVMErrorRef,
    result: LLVMOrcCSymbolMapPairs,
    n_pairs: usize,
    found: *mut c_void,
) {
    let answer = check("link code", error).and_then(|()| {
        if n_pairs == 1 {
            // SAFETY: without an error there are `n_pairs` pairs.
            let pair = unsafe { result.read() };
            Ok((pair.Name, pair.Sym.Address))
        } else {
            Err(Error::llvm("link code", "the entry is missing"))
        }
    });
    // SAFETY: `find_entry` passed the address of its `found` and is waiting.
    unsafe { *found.cast::<Found>() = answer };
}

fn add_generator(
    dylib: LLVMOrcJITDylibRef,
    create: impl FnOnce(*mut LLVMOrcDefinitionGeneratorRef) -> LLVMErrorRef,
) -> Result<(), Error> {
    let mut generator = ptr::null_mut();
    check("open a library", create(&raw mut generator))?;
    // SAFETY: both are live; the generator becomes the dylib's.
    unsafe { LLVMOrcJITDylibAddGenerator(dylib, generator) };
    Ok(())
}

/// Takes an error of LLVM over.
fn check(stage: &'static str, error: LLVMErrorRef) -> Result<(), Error> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the error is live and given up.
    let message = unsafe { LLVMGetErrorMessage(error) };
    // SAFETY: LLVM returns a C string.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    // SAFETY: the string is LLVM's and not used again.
    unsafe { LLVMDisposeErrorMessage(message) };
    Err(Error::llvm(stage, text))
}
