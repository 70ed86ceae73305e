//! Mistakes that people make in compiled functions, and what they read about them: one short program each.
//!
//! What to try was taken from the questions that numba's users ask; each program is compiled for the types of arguments
//! given before it.

use insta::assert_snapshot;
use ungil_front::host::JitOptions;
use ungil_front::program::Program;
use ungil_ir::Type;
use ungil_ir::diagnostic::{Style, render};

/// What the user reads who calls the function `f` of `source` with arguments of these types.
fn told(args: &[&str], source: &str) -> String {
    let program = match Program::new("test.py", source) {
        Ok(program) => program,
        Err(errors) => return render(&errors, Style::Plain),
    };
    let function = program.function("f").expect("the program defines `f`");
    let args: Vec<Type> = args.iter().map(|name| Type::from_name(name).expect("a scalar type")).collect();
    let options = JitOptions { parallel: true, ..JitOptions::default() };
    match ungil_front::compile(&program, function, &args, &options) {
        Ok(module) => panic!("it was compiled:\n{module}"),
        Err(errors) => render(&errors, Style::Plain),
    }
}

macro_rules! mistakes {
    ($($name:ident: [$($arg:literal),*] $source:literal;)*) => {
        $(#[test]
        fn $name() {
            assert_snapshot!(told(&[$($arg),*], $source));
        })*
    };
}

mistakes! {
    // Text.
    f_string: ["float64"] "def f(x):\n    label = f'{x:.2f}'\n    return label\n";
    percent_formatting: ["float64"] "def f(x):\n    return 'x = %g' % x\n";
    str_format: ["float64"] "def f(x):\n    return 'x = {}'.format(x)\n";
    joining_text_and_number: ["int64"] "def f(n):\n    return 'n = ' + n\n";
    str_of_a_number: ["int64"] "def f(n):\n    print('n = ' + str(n))\n    return n\n";

    // Containers.
    appending: ["int64"] "def f(n):\n    found = []\n    for i in range(n):\n        found.append(i)\n    return found\n";
    list_comprehension: ["int64"] "def f(n):\n    return sum([i * i for i in range(n)])\n";
    dict_counting: ["int64"] "def f(n):\n    seen = {}\n    for i in range(n):\n        seen[i] = i\n    return len(seen)\n";
    set_of_seen: ["int64"] "def f(n):\n    seen = set()\n    seen.add(n)\n    return len(seen)\n";
    numpy_array: ["int64"] "import numpy as np\n\ndef f(n):\n    a = np.zeros(n)\n    for i in range(n):\n        a[i] = i\n    return a.sum()\n";
    list_global: ["int64"] "weights = [0.5, 0.25]\n\ndef f(i):\n    return weights[i]\n";
    lambdas_in_a_list: ["float64"] "def f(x):\n    steps = [lambda v: v + 1, lambda v: v * 2]\n    for step in steps:\n        x = step(x)\n    return x\n";
    lambdas_in_a_tuple: ["float64"] "def f(x):\n    for step in (lambda v: v + 1, lambda v: v * 2):\n        x = step(x)\n    return x\n";

    // Tuples.
    tuple_grows_in_a_loop: ["int64"] "def f(n):\n    t = ()\n    for i in range(n):\n        t = t + (i,)\n    return t\n";
    tuple_indexed_by_a_variable: ["int64"] "def f(i):\n    t = (1, 2.5)\n    return t[i]\n";
    tuple_indexed_by_a_float: ["float64"] "def f(x):\n    t = (1, 2, 3)\n    return t[x]\n";
    tuple_index_out_of_range: ["int64"] "def f(n):\n    pair = (n, n + 1)\n    return pair[2]\n";
    tuple_element_assigned: ["int64"] "def f(n):\n    t = (n, n)\n    t[0] = 1\n    return t\n";
    tuple_sliced_by_a_variable: ["int64"] "def f(n):\n    t = (1, 2, 3)\n    return t[:n]\n";
    too_many_names: ["int64"] "def pair(n):\n    return n, n + 1\n\ndef f(n):\n    a, b, c = pair(n)\n    return a + b + c\n";
    unpacking_a_number: ["int64"] "def f(n):\n    a, b = divmod(n, 2)[0]\n    return a + b\n";
    starred_target: ["int64"] "def f(n):\n    first, *rest = (n, 1, 2)\n    return first\n";
    iterating_mixed_types: ["int64"] "def f(n):\n    total = 0\n    for part in (n, 2.5):\n        total += part\n    return total\n";

    // Variables whose type changes.
    branches_of_two_types: ["float64"] "def f(x):\n    if x > 0:\n        result = x\n    else:\n        result = 'negative'\n    return result\n";
    tuple_of_two_lengths: ["int64"] "def f(n):\n    if n > 0:\n        t = (n, n)\n    else:\n        t = (n,)\n    return t\n";
    returns_of_two_types: ["int64"] "def f(n):\n    if n < 0:\n        return (0, 0)\n    return n\n";
    text_as_an_error_value: ["float64"] "def f(x):\n    if x < 0:\n        return 'error'\n    return x ** 0.5\n";
    loop_changes_the_type: ["int64"] "def f(n):\n    best = None\n    for i in range(n):\n        best = (i, i) if best is None else i\n    return best\n";
    nothing_returned_then_added: ["int64"] "def log(n):\n    print(n)\n\ndef f(n):\n    return log(n) + 1\n";
    either_of_two_functions: ["int64"] "def up(n):\n    return n + 1\n\ndef down(n):\n    return n - 1\n\ndef f(n):\n    step = up if n > 0 else down\n    return step(n)\n";

    accumulator_becomes_a_float: ["int64"] "def f(n):\n    flags = 0\n    for i in range(n):\n        flags += i / 2\n    return flags & 1\n";
    wrong_result_used_again: ["float64"] "def f(x):\n    if x > 0:\n        result = x\n    else:\n        result = 'negative'\n    print(result.upper())\n    return result + 1\n";
    none_on_one_path: ["float64"] "def f(x):\n    if x > 0:\n        return 'positive'\n";

    // Operators.
    bits_of_floats: ["float64", "int64"] "def f(x, n):\n    mask = n / 2\n    return (n & mask) | (x << 1)\n";
    complex_order: ["complex128"] "def f(z):\n    if z > 0:\n        return z\n    return -z\n";
    complex_modulo: ["complex128"] "def f(z):\n    return z % 2\n";
    is_number: ["int64"] "def f(n):\n    if n is 0:\n        return 1\n    return n\n";
    in_a_range: ["int64"] "def f(n):\n    return 3 in range(n)\n";
    adding_none: ["int64", "none"] "def f(n, step=None):\n    return n + step\n";
    adding_a_tuple_and_a_number: ["int64"] "def f(n):\n    point = (n, n)\n    return point + 1\n";
    scaling_a_tuple: ["float64"] "def f(x):\n    return (1.0, 2.0) * x\n";
    matrix_product: ["float64"] "def f(x):\n    return x @ x\n";

    // Calls.
    too_few_arguments: ["int64"] "def area(width, height):\n    return width * height\n\ndef f(n):\n    return area(n)\n";
    too_many_arguments: ["int64"] "def area(width, height):\n    return width * height\n\ndef f(n):\n    return area(n, n, n)\n";
    unknown_keyword: ["int64"] "def area(width, height=1):\n    return width * height\n\ndef f(n):\n    return area(n, heigth=2)\n";
    keyword_misspelt: ["int64"] "def area(width, height):\n    return width * height\n\ndef f(n):\n    return area(n, heigth=2)\n";
    given_twice: ["int64"] "def area(width, height):\n    return width * height\n\ndef f(n):\n    return area(n, 2, width=n)\n";
    keywords_unpacked: ["int64"] "def area(width, height=1):\n    return width * height\n\ndef f(n):\n    return area(**{'width': n})\n";
    float_as_range_argument: ["float64"] "def f(x):\n    total = 0\n    for i in range(x / 2):\n        total += i\n    return total\n";
    math_misspelt: ["float64"] "import math\n\ndef f(x):\n    return math.sqr(x) + math.ln(x)\n";
    math_of_a_tuple: ["float64"] "import math\n\ndef f(x):\n    return math.sqrt((x, x))\n";
    math_argument_count: ["float64"] "import math\n\ndef f(x):\n    return math.atan2(x)\n";
    method_of_a_number: ["float64"] "def f(x):\n    return x.is_integer()\n";
    method_chain: ["float64"] "def f(x):\n    return x.strip().lower()\n";
    calling_a_number: ["int64"] "def f(n):\n    scale = 2\n    return scale(n + 1)\n";
    sorted_values: ["int64"] "def f(n):\n    return sorted((n, 2, 1))[0]\n";
    len_of_a_number: ["int64"] "def f(n):\n    return len(n)\n";
    min_with_key: ["int64"] "def f(n):\n    return min(n, 3, key=abs)\n";
    print_to_a_file: ["int64"] "def f(n):\n    print(n, file=None)\n    print(n, sep=n)\n    return n\n";
    isinstance_of_a_class: ["int64"] "class Point:\n    pass\n\ndef f(n):\n    if isinstance(n, Point):\n        return 1\n    return 0\n";
    int_of_text: ["int64"] "def f(n):\n    return int('12') + n\n";
    input_read: ["int64"] "def f(n):\n    return n + int(input())\n";
    exception_as_a_value: ["int64"] "def f(n):\n    error = ValueError('no')\n    raise error\n";
    message_computed: ["int64"] "def f(n):\n    if n < 0:\n        raise ValueError(n)\n    return n\n";
    object_attribute: ["float64"] "class Config:\n    rate = 0.5\n\ndef f(x):\n    return x * Config.rate\n";

    // Names.
    name_misspelt: ["int64"] "def f(count):\n    total = 0\n    for i in range(count):\n        total += i\n    return totl + cuont\n";
    global_misspelt: ["float64"] "SCALE = 2.0\n\ndef f(x):\n    return x * SCLAE\n";
    builtin_misspelt: ["int64"] "def f(n):\n    for i in rnage(n):\n        print(i)\n    return n\n";
    used_before_assignment: ["int64"] "def f(n):\n    total += n\n    return total\n";
    deleted_then_used: ["int64"] "def f(n):\n    del n\n    return n\n";
    global_assigned: ["int64"] "calls = 0\n\ndef f(n):\n    global calls\n    calls += 1\n    return n\n";
    nonlocal_assigned: ["int64"] "def f(n):\n    total = 0\n    def add(k):\n        nonlocal total\n        total += k\n    add(n)\n    return total\n";
    integer_too_large: ["int64"] "def f(n):\n    return n * 10 ** 20\n";

    // Control flow.
    try_except: ["float64"] "def f(x):\n    try:\n        return 1 / x\n    except ZeroDivisionError:\n        return 0.0\n";
    with_open: ["int64"] "def f(n):\n    with open('log.txt') as log:\n        log.write(n)\n    return n\n";
    generator: ["int64"] "def f(n):\n    for i in range(n):\n        yield i\n";
    coroutine: ["int64"] "async def f(n):\n    return n\n";
    match_statement: ["int64"] "def f(n):\n    match n:\n        case 0:\n            return 1\n    return n\n";
    import_inside: ["float64"] "def f(x):\n    import math\n    return math.sqrt(x)\n";
    class_inside: ["float64"] "def f(x):\n    class Box:\n        pass\n    return Box()\n";
    iterating_a_number: ["int64"] "def f(n):\n    total = 0\n    for i in n:\n        total += i\n    return total\n";
    recursion_without_an_end: ["int64"] "def f(n):\n    return n * f(n - 1)\n";
    mutable_default: ["int64"] "def add(n, seen=[]):\n    return n\n\ndef f(n):\n    return add(n)\n";

    // Parallel loops.
    prange_left_early: ["int64"] "from numba import prange\n\ndef f(n):\n    for i in prange(n):\n        if i > 3:\n            break\n    return n\n";
    prange_carries: ["int64"] "from numba import prange\n\ndef f(n):\n    previous = 0\n    total = 0\n    for i in prange(n):\n        total += previous * i\n        previous = i - previous\n    return total\n";
    prange_by_step: ["float64"] "from numba import prange\n\ndef f(x):\n    total = 0.0\n    for i in prange(0, 1, 0.1):\n        total += i * x\n    return total\n";

    // Options.
    unknown_option: ["int64"] "from numba import njit\n\n@njit(paralel=True)\ndef f(n):\n    return n\n";
    option_not_constant: ["int64"] "from numba import njit\n\nflag = True\n\n@njit(parallel=flag)\ndef f(n):\n    return n\n";

    // Several at once, and nothing said twice.
    list_used_again: ["int64"] "def f(n):\n    found = [n]\n    found.append(n + 1)\n    total = 0\n    for value in found:\n        total += value\n    return total + found[0] + len(found)\n";
    mistake_in_a_nested_function: ["int64"] "def f(n):\n    def last(k):\n        return [k][0]\n    return last(n) + None\n";
    mistake_in_a_function_handed_out: ["int64"] "def make():\n    def last(k):\n        return [k][0]\n    return last\n\ndef f(n):\n    return make()(n)\n";
    mistake_in_a_prange_body: ["int64"] "from numba import prange\n\ndef f(n):\n    total = 0.0\n    for i in prange(n):\n        values = [i]\n        total += values[0]\n    return total\n";
    all_at_once: ["int64", "float64"] "import math\n\ndef f(n, x):\n    names = ['a', 'b']\n    low = x & n\n    for name in names:\n        low += math.sqr(name)\n    try:\n        high = n / 0\n    except ZeroDivisionError:\n        high = undefined\n    return low + high + x.size\n";
    in_a_callee: ["int64"] "def inner(a, b):\n    return a + b\n\ndef outer(a):\n    return inner(a, None)\n\ndef f(n):\n    return outer(n)\n";
}
