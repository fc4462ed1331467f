//! Calls of librdkafka that its Rust binding lacks: the id of a topic (KIP-516), by which one that was made anew under its old name
//! is told from itself; the token of a client that nobody polls; and headers whose names may be any bytes.
//!
//! The only file of the crate with `unsafe` (`docs/decisions/2026-11-23-one-file-of-unsafe.md`). What librdkafka allocates is owned
//! by an [`Owned`], and everything is copied out of it before a function returns: no pointer leaves this file.
#![allow(unsafe_code, reason = "the calls have no safe form in the binding")]

use std::{
    ffi::{CStr, CString, c_char},
    ptr, slice,
    time::Duration,
};

use rdkafka::{
    ClientContext, bindings as sys,
    client::{Client, OAuthToken},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};

/// What librdkafka has allocated for us.
struct Owned<T> {
    pointer: *mut T,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// Takes what a call has returned; `None` for a null pointer.
    fn new(pointer: *mut T, free: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        (!pointer.is_null()).then_some(Self { pointer, free })
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer is not null, comes from the call that pairs with `free`, and is freed only here.
        unsafe { (self.free)(self.pointer) }
    }
}

/// A topic as the cluster describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    /// Its name.
    pub(super) name: String,
    /// Its id, 16 bytes as base64; another topic of this name has another.
    pub(super) id: String,
    /// The number of replicas of each partition.
    pub(super) replicas: Vec<usize>,
}

/// What is said of a topic that was asked for: its name, and what it is like.
pub(super) type Answer = (String, Result<Described, RDKafkaErrorCode>);

/// Gives the headers of a record, in order. The binding takes names that are not UTF-8 for impossible, which they are not: what is
/// no UTF-8 in one is replaced.
pub(super) fn each_header(record: &BorrowedMessage<'_>, mut each: impl FnMut(&str, Option<&[u8]>)) {
    let mut headers = ptr::null_mut();
    // SAFETY: the record is alive, and owns the headers that are told
    if unsafe { sys::rd_kafka_message_headers(record.ptr(), &mut headers) }
        != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
    {
        return;
    }
    let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
    for index in 0.. {
        // SAFETY: the headers are those of the record, which is alive; past the last one an error comes back
        let found = unsafe { sys::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut size) };
        if found != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        // SAFETY: a header's name ends with a zero byte, and both lie in the record
        let (name, value) = unsafe {
            let value = (!value.is_null()).then(|| slice::from_raw_parts(value.cast::<u8>(), size));
            (CStr::from_ptr(name), value)
        };
        each(&name.to_string_lossy(), value);
    }
}

/// Describes topics; of each that cannot be, the code.
///
/// # Errors
/// The request as a whole has failed.
pub(super) fn describe_topics<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    within: Duration,
) -> Result<Vec<Answer>, KafkaError> {
    let no_memory = || KafkaError::AdminOpCreation("librdkafka has no memory left".to_owned());
    let names = names.iter().map(|name| CString::new(*name)).collect::<Result<Vec<_>, _>>();
    let names = names.map_err(KafkaError::Nul)?;
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let millis = i32::try_from(within.as_millis()).unwrap_or(i32::MAX - 1_000);
    // SAFETY: the array and its strings live until the call returns, which copies them; the client outlives all that is made of it.
    let (topics, options, queue) = unsafe {
        (
            Owned::new(
                sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()),
                sys::rd_kafka_TopicCollection_destroy,
            ),
            Owned::new(
                sys::rd_kafka_AdminOptions_new(
                    client.native_ptr(),
                    sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
                ),
                sys::rd_kafka_AdminOptions_destroy,
            ),
            Owned::new(sys::rd_kafka_queue_new(client.native_ptr()), sys::rd_kafka_queue_destroy),
        )
    };
    let (Some(topics), Some(options), Some(queue)) = (topics, options, queue) else {
        return Err(no_memory());
    };
    // SAFETY: all pointers are alive; a message about the error is not asked for (null, of no length). The request
    // copies options and topics, and its answer comes to our own queue, so no other event does. A moment is added so
    // that the answer, a timeout too, is waited for: nothing of the request is left when the queue is freed.
    let event = unsafe {
        sys::rd_kafka_AdminOptions_set_request_timeout(options.pointer, millis, ptr::null_mut(), 0);
        sys::rd_kafka_DescribeTopics(client.native_ptr(), topics.pointer, options.pointer, queue.pointer);
        Owned::new(
            sys::rd_kafka_queue_poll(queue.pointer, millis.saturating_add(1_000)),
            sys::rd_kafka_event_destroy,
        )
    };
    let Some(event) = event else { return Err(KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut)) };
    // SAFETY: the event is alive; it is read before it is freed, which is at the end of this function. A result of
    // another kind is null.
    let found = unsafe {
        let code = sys::rd_kafka_event_error(event.pointer);
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(KafkaError::AdminOp(code.into()));
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event.pointer);
        if result.is_null() {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::Fail));
        }
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        array(topics, count).iter().map(|topic| described(*topic)).collect()
    };
    Ok(found)
}

/// Copies what is said of a topic.
///
/// # Safety
/// The topic belongs to a result that is alive.
unsafe fn described(topic: *const sys::rd_kafka_TopicDescription_t) -> Answer {
    // SAFETY: by the caller; what these calls return lives as long as the topic, and is copied here.
    unsafe {
        let name = text(sys::rd_kafka_TopicDescription_name(topic));
        let error = sys::rd_kafka_TopicDescription_error(topic);
        let code = sys::rd_kafka_error_code(error);
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return (name, Err(code.into()));
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        let id = if id.is_null() { String::new() } else { text(sys::rd_kafka_Uuid_base64str(id)) };
        let mut count = 0;
        let partitions = sys::rd_kafka_TopicDescription_partitions(topic, &raw mut count);
        let replicas = array(partitions, count).iter().map(|partition| {
            let mut count = 0;
            sys::rd_kafka_TopicPartitionInfo_replicas(*partition, &raw mut count);
            count
        });
        let replicas = replicas.collect();
        (name.clone(), Ok(Described { name, id, replicas }))
    }
}

/// An array that librdkafka gives as pointer and length; of no length, the pointer may be null.
///
/// # Safety
/// The array lives as long as what borrows the slice, and has `count` elements.
unsafe fn array<'a, T>(first: *mut *const T, count: usize) -> &'a [*const T] {
    if first.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: by the caller.
    unsafe { slice::from_raw_parts(first, count) }
}

/// Copies a text; a null pointer is an empty one.
///
/// # Safety
/// The pointer is null or points to a string that ends in a zero.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: by the caller.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// Gives a client its token, as polling it would when librdkafka asks for one.
///
/// # Errors
/// librdkafka refuses it: what it says.
pub(super) fn set_token<C: ClientContext>(client: &Client<C>, token: &OAuthToken) -> Result<(), String> {
    let zero = |_| "a token holds a zero byte".to_owned();
    let value = CString::new(token.token.as_str()).map_err(zero)?;
    let name = CString::new(token.principal_name.as_str()).map_err(zero)?;
    let mut said = [0; 512];
    // SAFETY: the strings live until the call returns, which copies them; there are no extensions (null, of no length),
    // and `said` is as long as told.
    let code = unsafe {
        sys::rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            value.as_ptr(),
            token.lifetime_ms,
            name.as_ptr(),
            ptr::null_mut(),
            0,
            said.as_mut_ptr(),
            said.len(),
        )
    };
    if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    // SAFETY: librdkafka ends what it writes there with a zero.
    Err(unsafe { text(said.as_ptr()) })
}
