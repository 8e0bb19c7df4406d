//! Wire form and behaviour of the sink.
