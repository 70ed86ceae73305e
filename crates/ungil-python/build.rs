//! Gives the crate PyO3's `cfg`s, `Py_GIL_DISABLED` among them.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
