//! The `dirigent` binary: hands the command line to [`dirigent::cli`].

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    dirigent::cli::main()
}
