//! Tuples and their like: nested, selected, indexed, passed and returned.

mod support;

use support::{Builder, call, compile, module};
use ungil_ir::Type;
use ungil_ir::ir::{FuncId, Module, Op};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
struct Inner {
    flag: bool,
    small: i16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
struct Outer {
    byte: u8,
    inner: Inner,
    value: f64,
    z: [f32; 2],
}

fn inner() -> Type {
    Type::tuple([Type::Bool, Type::int(16)])
}

fn outer() -> Type {
    Type::tuple([Type::uint(8), inner(), Type::FLOAT64, Type::None, Type::COMPLEX64])
}

#[test]
fn a_nested_tuple_comes_back_as_it_went() {
    let (mut b, p) = Builder::new(&[outer()], outer());
    b.return_(p[0]);
    let code = compile(&module(b.finish()));
    for flag in [false, true] {
        let value = Outer { byte: 200, inner: Inner { flag, small: -3 }, value: 2.5, z: [1.0, -1.0] };
        // SAFETY: the struct is the tuple's layout.
        assert_eq!(unsafe { call(&code, &value) }, Ok(value));
    }
}

#[test]
fn tuples_are_selected_field_by_field() {
    let (mut b, p) = Builder::new(&[Type::Bool, outer(), outer()], outer());
    let chosen = b.let_(outer(), Op::Select(p[0], p[1], p[2]));
    b.return_(chosen);
    let code = compile(&module(b.finish()));
    let one = Outer { byte: 1, value: 1.0, ..Outer::default() };
    let two = Outer { byte: 2, inner: Inner { flag: true, small: 9 }, ..Outer::default() };
    // SAFETY: a byte and two structs, in order, to a struct.
    assert_eq!(unsafe { call(&code, &Three(1_u8, one, two)) }, Ok(one));
    // SAFETY: as above.
    assert_eq!(unsafe { call(&code, &Three(0_u8, one, two)) }, Ok(two));
}

/// Arguments in order; tuples of Rust have no layout to rely on.
#[repr(C)]
struct Three<A, B, C>(A, B, C);

#[test]
fn fields_are_taken_apart_and_put_together() {
    let (mut b, p) = Builder::new(&[outer()], Type::tuple([Type::FLOAT64, Type::int(16)]));
    let inner = b.let_(inner(), Op::Field(p[0], 1));
    let small = b.let_(Type::int(16), Op::Field(inner, 1));
    let value = b.let_(Type::FLOAT64, Op::Field(p[0], 2));
    let both = b.let_(Type::tuple([Type::FLOAT64, Type::int(16)]), Op::Aggregate(vec![value, small]));
    b.return_(both);
    let code = compile(&module(b.finish()));
    let value = Outer { value: 0.5, inner: Inner { flag: false, small: 77 }, ..Outer::default() };
    // SAFETY: a struct to a float64 and an int16.
    let result: Result<Three<f64, i16, ()>, _> = unsafe { call(&code, &value) };
    let result = result.expect("it returns");
    assert_eq!((result.0, result.1), (0.5, 77));
}

impl<A: Default, B: Default> Default for Three<A, B, ()> {
    fn default() -> Self {
        Self(A::default(), B::default(), ())
    }
}

#[test]
fn an_element_is_found_by_index() {
    for n in [1_usize, 2, 5, 8, 9, 30] {
        let tuple = Type::tuple(vec![inner(); n]);
        let (mut b, p) = Builder::new(&[Type::INT64, tuple], inner());
        let element = b.let_(inner(), Op::Element { tuple: p[1], index: p[0] });
        b.return_(element);
        let code = compile(&module(b.finish()));
        for index in 0..n {
            let mut args = [Inner::default(); 32];
            // The index takes the place of the first two elements.
            for (position, place) in args[2..].iter_mut().enumerate() {
                *place = Inner { flag: position % 3 == 0, small: position as i16 };
            }
            let mut bytes = [0_u64; 16];
            // SAFETY: both are 128 bytes of plain data.
            unsafe { std::ptr::copy_nonoverlapping(args.as_ptr().cast(), bytes.as_mut_ptr(), 16) };
            bytes[0] = index as u64;
            // SAFETY: an int64 and the elements, to one of them.
            assert_eq!(unsafe { call(&code, &bytes) }, Ok(args[2 + index]), "{index} of {n}");
        }
    }
}

#[test]
fn tuples_pass_through_calls() {
    let (mut swap, p) = Builder::new(&[inner(), outer()], Type::tuple([outer(), inner()]));
    let both = swap.let_(Type::tuple([outer(), inner()]), Op::Aggregate(vec![p[1], p[0]]));
    swap.return_(both);
    let (mut main, p) = Builder::new(&[outer()], outer());
    let first = main.let_(inner(), Op::Field(p[0], 1));
    let both = main.let_(
        Type::tuple([outer(), inner()]),
        Op::Call { func: FuncId(1), args: vec![first, p[0]], site: None },
    );
    let result = main.let_(outer(), Op::Field(both, 0));
    main.return_(result);
    let module =
        Module { functions: vec![main.finish(), swap.finish()], entry: Some(FuncId(0)), ..Module::default() };
    let code = compile(&module);
    let value = Outer { byte: 5, inner: Inner { flag: true, small: -1 }, value: -0.0, z: [0.25, 4.0] };
    // SAFETY: the struct is the tuple's layout.
    assert_eq!(unsafe { call(&code, &value) }, Ok(value));
}
