//! Walks through CBOR without making a tree of it.

use std::convert::Infallible;

use minicbor::{Decoder, data::Type, decode, encode};

/// Goes through a map, of known length or not.
pub(crate) fn fields<'b>(
    decoder: &mut Decoder<'b>,
    mut field: impl FnMut(&mut Decoder<'b>, &'b str) -> Result<(), decode::Error>,
) -> Result<(), decode::Error> {
    let mut left = decoder.map()?;
    while !is_over(decoder, &mut left)? {
        let name = decoder.str()?;
        field(decoder, name)?;
    }
    Ok(())
}

/// Goes through a list, of known length or not.
pub(crate) fn items<'b>(
    decoder: &mut Decoder<'b>,
    mut item: impl FnMut(&mut Decoder<'b>) -> Result<(), decode::Error>,
) -> Result<(), decode::Error> {
    let mut left = decoder.array()?;
    while !is_over(decoder, &mut left)? {
        item(decoder)?;
    }
    Ok(())
}

fn is_over(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, decode::Error> {
    if let Some(left) = left {
        let is_over = *left == 0;
        *left = left.saturating_sub(1);
        return Ok(is_over);
    }
    let is_over = decoder.datatype()? == Type::Break;
    if is_over {
        decoder.skip()?;
    }
    Ok(is_over)
}

/// Seconds since 1970.
pub(crate) fn time(decoder: &mut Decoder<'_>) -> Result<f64, decode::Error> {
    decoder.tag()?;
    figure(decoder)
}

/// A number of any type.
pub(crate) fn figure(decoder: &mut Decoder<'_>) -> Result<f64, decode::Error> {
    match decoder.datatype()? {
        Type::F64 => decoder.f64(),
        Type::F32 => decoder.f32().map(f64::from),
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact up to the year 285 million")]
        _ => decoder.i64().map(|seconds| seconds as f64),
    }
}

/// What an encoder wrote into memory.
pub(crate) fn written(body: Result<Vec<u8>, encode::Error<Infallible>>) -> Vec<u8> {
    body.expect("memory takes whatever is written")
}

/// The length of a list.
pub(crate) fn length(items: usize) -> u64 {
    u64::try_from(items).expect("memory is counted in 64 bits")
}
