//! The properties of librdkafka that we rely on, with the values that they have here, and those that nobody else may set.
//!
//! Where a value differs from librdkafka's own default, the line says why, or it is one that a promise rests on.

/// Properties that are ours alone, and why.
pub(super) const OWNED: &[(&str, &str)] = &[
    ("acks", ACKS),
    (
        "allow.auto.create.topics",
        "a topic that a typing error makes is worse than none; `dirigent topics create` makes them",
    ),
    ("auto.commit.enable", OFFSETS),
    ("auto.commit.interval.ms", OFFSETS),
    ("auto.offset.reset", "an offset that is gone is lost input: it is told, and never passed over"),
    ("bootstrap.servers", "it is `bootstrap_servers`"),
    ("delivery.report.only.error", "every delivery is counted"),
    ("enable.auto.commit", OFFSETS),
    ("enable.auto.offset.store", OFFSETS),
    ("enable.gapless.guarantee", ACKS),
    ("enable.idempotence", "without it a retry may double or reorder records"),
    ("enable.partition.eof", "the end of a partition is found by its offsets"),
    ("enable.sasl.oauthbearer.unsecure.jwt", TOKEN),
    ("enabled_events", "the binding of librdkafka needs its own"),
    ("group.id", "it is `group_id`"),
    ("group.instance.id", GROUP),
    ("group.protocol", GROUP),
    ("group.remote.assignor", GROUP),
    ("isolation.level", "only what is committed may be read: an aborted record would be counted"),
    ("log.queue", "the binding of librdkafka needs its own"),
    ("metadata.broker.list", "it is `bootstrap_servers`"),
    ("offset.store.method", OFFSETS),
    ("partition.assignment.strategy", GROUP),
    (
        "partitioner",
        "all records of a key have to stay in one partition, where every Kafka client looks for them (murmur2)",
    ),
    ("queuing.strategy", "records keep their order"),
    ("request.required.acks", ACKS),
    ("sasl.oauthbearer.config", TOKEN),
    ("sasl.oauthbearer.method", TOKEN),
    ("test.mock.num.brokers", "a mocked broker keeps nothing"),
    (
        "transactional.id",
        "it follows from the name of the topology: two runs of one name must not write at a time",
    ),
];

const ACKS: &str = "a record counts when every replica in sync has it";
const GROUP: &str =
    "partitions are assigned by hand, since epochs are cut over all of them: there is no group to join";
const OFFSETS: &str = "what has been read stands in the epoch log, and is committed to the group from there";
pub(super) const TOKEN: &str = "a token comes from `sasl: { mechanism: OAUTHBEARER, token_file: … }`";

/// How brokers are reached, whatever for.
pub(super) const REACHING: &[(&str, &str)] = &[
    ("broker.address.family", "any"),
    ("client.id", "dirigent"),
    ("connections.max.idle.ms", "0"),
    // what a client measures of itself goes nowhere but to us
    ("enable.metrics.push", "false"),
    ("enable.ssl.certificate.verification", "true"),
    ("log.connection.close", "false"),
    ("metadata.max.age.ms", "900000"),
    // a broker that comes back is found within a second
    ("reconnect.backoff.max.ms", "1000"),
    ("reconnect.backoff.ms", "100"),
    ("retry.backoff.max.ms", "1000"),
    ("retry.backoff.ms", "100"),
    ("socket.connection.setup.timeout.ms", "10000"),
    ("socket.keepalive.enable", "true"),
    ("socket.nagle.disable", "true"),
    // a broker that is connected and silent is given up before the transaction is; its cluster has a new leader after 9 s
    ("socket.timeout.ms", "10000"),
    ("ssl.endpoint.identification.algorithm", "https"),
    ("statistics.interval.ms", "5000"),
    ("topic.metadata.refresh.interval.ms", "60000"),
];

/// How records are fetched; may be given otherwise.
pub(super) const READING: &[(&str, &str)] = &[
    ("check.crcs", "true"),
    ("fetch.error.backoff.ms", "100"),
    ("fetch.max.bytes", "52428800"),
    ("fetch.message.max.bytes", "1048576"),
    ("fetch.min.bytes", "1"),
    // by default a consumer whose queue was full looks again after a second
    ("fetch.queue.backoff.ms", "20"),
    ("fetch.wait.max.ms", "500"),
    ("queued.max.messages.kbytes", "65536"),
    ("queued.min.messages", "100000"),
    ("receive.message.max.bytes", "100000000"),
];

/// What exactly-once asks of a consumer.
pub(super) const READING_OWNED: &[(&str, &str)] = &[
    ("auto.offset.reset", "error"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "false"),
    ("group.protocol", "classic"),
    ("isolation.level", "read_committed"),
];

/// How records are sent; may be given otherwise.
pub(super) const WRITING: &[(&str, &str)] = &[
    ("batch.num.messages", "10000"),
    ("batch.size", "1000000"),
    ("compression.type", "none"),
    // an epoch, or a file, is handed over in one piece: there is nothing to wait for
    ("linger.ms", "0"),
    ("max.in.flight.requests.per.connection", "5"),
    // a dead letter of the longest record, its key and its headers; a broker takes 1,048,588 bytes unless told otherwise
    ("message.max.bytes", "1048500"),
    ("message.send.max.retries", "2147483647"),
    ("queue.buffering.max.kbytes", "262144"),
    ("queue.buffering.max.messages", "200000"),
    ("request.timeout.ms", "30000"),
    ("transaction.timeout.ms", "60000"),
];
