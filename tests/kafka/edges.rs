//! What clusters do to topics: partitions are added, topics are deleted and made again, retention removes records, a login lacks
//! rights, a record is larger than its topic takes. Each is noticed, with a message that says what to do, and the right end.

use std::time::Duration;

use dirigent::connect::kafka::{
    client::ClientState,
    connection::{ConnectionSettings, Role},
};
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewPartitions},
    producer::{BaseRecord, Producer},
};
use serde_json::json;

use super::{
    broker::{self, Broker, HANG},
    checks::check,
    clients::{cluster, flush, send, topic, writer},
    history::{ends, records},
    running::Running,
    shop::{Shop, Wish},
    stream::{Stream, number, seed},
};

/// Adds partitions to a topic.
fn grow(settings: &ConnectionSettings, topic: &str, partitions: usize) {
    let (config, state) = settings.client(Role::Admin).unwrap();
    let admin: AdminClient<ClientState> = config.create_with_context(state).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    let wanted = [NewPartitions::new(topic, partitions)];
    let grown = runtime.block_on(admin.create_partitions(&wanted, &options));
    assert!(grown.unwrap()[0].is_ok());
}

/// Writes a review into a partition.
fn review(shop: &Shop, partition: i32, id: &str) {
    let (client, state) = writer(&shop.settings, None);
    let value = format!(
        r#"{{"review_id":"{id}","product_id":"p","user_id":"{id}","rating":4,"text":"of {id}","lang":"en","ts":1700000000000}}"#
    );
    let topic = shop.topic("reviews");
    client.send(BaseRecord::to(&topic).key(id).payload(&value).partition(partition)).unwrap();
    client.flush(HANG).unwrap();
    assert_eq!(state.undelivered(), None);
}

/// Ends by itself with an error; what it says of it, without what differs between runs.
fn refusal(shop: &Shop, running: Running) -> String {
    let told = running.end();
    assert_eq!(told.code, Some(1), "{}", told.err);
    let start = told.err.find(" ERROR ").unwrap_or_else(|| panic!("no error: {}", told.err));
    let said = told.err[start + 7..].trim().replace(&shop.name, "SHOP");
    let brokers = &shop.settings.bootstrap_servers;
    said.replace(brokers.as_str(), "BROKERS")
}

#[test]
fn partitions_that_are_added_are_read_from_their_first_record_on() {
    let Some(broker) = Broker::shared() else { return };
    let bootstrap = broker.bootstrap();
    let shop = Shop::make(&broker.settings(&json!({})), &Wish::at(&bootstrap));
    let mut running = shop.start(2);
    running.wait_for("running");
    review(&shop, 0, "old");
    grow(&shop.settings, &shop.topic("reviews"), 4);
    review(&shop, 3, "while it runs");
    running.wait_for("a partition has come");
    shop.wait_until_committed(&mut running);
    running.kill();
    grow(&shop.settings, &shop.topic("reviews"), 5);
    review(&shop, 4, "while it is down");
    review(&shop, 3, "behind it");
    let (_, report) = shop.finish(1);
    let scored = records(&shop.settings, &shop.topic("scored"));
    assert_eq!(scored.iter().filter(|record| record.value.is_some()).count(), 4);
    check(&shop, &report);
}

#[test]
fn an_output_that_gets_another_number_of_partitions_is_refused() {
    let Some(broker) = Broker::shared() else { return };
    let bootstrap = broker.bootstrap();
    let shop = Shop::make(&broker.settings(&json!({})), &Wish::at(&bootstrap));
    let mut running = shop.start(1);
    review(&shop, 0, "r");
    shop.wait_for_growth(&mut running);
    running.stop();
    grow(&shop.settings, &shop.topic("scored"), 4);
    insta::assert_snapshot!(refusal(&shop, shop.start(1)), @r"
    cannot open the Kafka sinks scored, products, cases, models, dead: the topic `SHOP.scored` had 3 partitions and has 4 now: keys would stand in other partitions than before
      hint: write to a new topic, or begin anew with --from-scratch
    ");
}

#[test]
fn a_topic_that_is_made_again_is_another_one() {
    let Some(broker) = Broker::shared() else { return };
    let bootstrap = broker.bootstrap();
    let shop = Shop::make(&broker.settings(&json!({})), &Wish::at(&bootstrap));
    let mut running = shop.start(2);
    review(&shop, 0, "r");
    shop.wait_until_committed(&mut running);
    let cluster = cluster(&shop.settings);
    let name = shop.topic("reviews");
    cluster.delete(&[&name]).unwrap();
    insta::assert_snapshot!(refusal(&shop, running), @"cannot read the topic `SHOP.reviews` of reviews at offset 0: it was deleted while it was read");
    insta::assert_snapshot!(refusal(&shop, shop.start(1)), @r"
    cannot open the source reviews: cannot read the topic `SHOP.reviews`: there is no such topic or partition at BROKERS, or none that this login may see. `dirigent topics create TOPOLOGY` makes those of a topology
      hint: docs/kafka.md says what a run needs of a cluster
    ");
    cluster.create(&[topic(&name, 3)]).unwrap();
    insta::assert_snapshot!(refusal(&shop, shop.start(1)), @r"
    cannot open the source reviews: the topic `SHOP.reviews` was deleted and made again since it was read: its offsets mean other records now
      hint: give the source another topic and the topology another name, or begin anew with --from-scratch
    ");
}

#[test]
fn records_that_are_gone_and_needed_are_missed() {
    let Some(broker) = Broker::shared() else { return };
    let bootstrap = broker.bootstrap();
    // nothing is in a checkpoint
    let wish = Wish { checkpoint: "1h", ..Wish::at(&bootstrap) };
    let shop = Shop::make(&broker.settings(&json!({})), &wish);
    let mut running = shop.start(2);
    for id in ["a", "b", "c"] {
        review(&shop, 1, id);
    }
    shop.wait_until_committed(&mut running);
    running.kill();
    cluster(&shop.settings).delete_records(&shop.topic("reviews"), 1, 2).unwrap();
    insta::assert_snapshot!(refusal(&shop, shop.start(1)), @r"
    cannot open the source reviews: SHOP.reviews/1 begins with offset 2 by now, and 0 is needed: its retention has removed records that are not in a checkpoint
      hint: give the topic a longer retention than the oldest checkpoint is old, and begin anew with --from-scratch
    ");
}

#[test]
fn a_record_that_its_topic_does_not_take_ends_the_run() {
    let Some(broker) = Broker::shared() else { return };
    let bootstrap = broker.bootstrap();
    let wish = Wish { scored: vec![("max.message.bytes", "300".to_owned())], ..Wish::at(&bootstrap) };
    let shop = Shop::make(&broker.settings(&json!({})), &wish);
    review(&shop, 0, "r");
    insta::assert_snapshot!(refusal(&shop, shop.start(1)), @"cannot write Kafka topics SHOP.scored, SHOP.products, SHOP.cases, SHOP.models, SHOP.dead: cannot commit a transaction of `dirigent.SHOP.0`: the brokers at BROKERS do not take it: MessageSizeTooLarge (Broker: Message size too large)");
}

#[test]
fn a_login_without_rights_is_told_what_it_lacks() {
    let wish = broker::Wish { secure: true, ..broker::Wish::default() };
    let Some(broker) = Broker::start(&wish) else { return };
    let bootstrap = broker.secure_bootstrap();
    let login = format!(
        "{{}}, tls: {{ca_file: \"{}\"}}, sasl: {{mechanism: PLAIN, username: guest, password: guest-secret}}",
        broker.file("secure/ca.pem")
    );
    let shop = Shop::make(&broker.settings(&json!({})), &Wish { librdkafka: &login, ..Wish::at(&bootstrap) });
    let said = refusal(&shop, shop.start(1)).replace(&bootstrap, "BROKERS");
    insta::assert_snapshot!(said, @"cannot open the epoch log SHOP.epochs: cannot describe `SHOP.epochs`: the brokers at BROKERS do not allow it to the login of `guest` by PLAIN: TopicAuthorizationFailed (Broker: Topic authorization failed). Grant it there: docs/kafka.md lists what a run needs");
}

#[test]
fn one_node_of_three_may_go_and_come_back() {
    let wish = broker::Wish { three_nodes: true, ..broker::Wish::default() };
    let Some(broker) = Broker::start(&wish) else { return };
    let bootstrap = broker.bootstrap();
    let wish = Wish { replication: 3, more: "stall_timeout: 5s", ..Wish::at(&bootstrap) };
    let shop = Shop::make(&broker.settings(&json!({})), &wish);
    let stream = Stream::begin(&shop, seed(17));
    let mut running = shop.start(2);
    running.wait_for("running");
    // one after the other, where there is time
    let lost: &[u32] = if number("DIRIGENT_KAFKA_KILLS", 0) > 0 { &[1, 2, 3] } else { &[1] };
    for &node in lost {
        shop.wait_for_growth(&mut running);
        broker.command("kill", Some(node));
        std::thread::sleep(Duration::from_secs(1));
        shop.wait_for_growth(&mut running);
        broker.command("up", None);
    }
    shop.wait_for_growth(&mut running);
    stream.end();
    shop.wait_until_committed(&mut running);
    running.stop();
    check(&shop, &shop.report());
}

#[test]
fn what_a_start_from_scratch_does_not_write_again_is_removed_from_compacted_topics() {
    let Some(broker) = Broker::shared() else { return };
    let bootstrap = broker.bootstrap();
    let compacted = vec![("cleanup.policy", "compact".to_owned())];
    let shop = Shop::make(&broker.settings(&json!({})), &Wish { scored: compacted, ..Wish::at(&bootstrap) });
    let reviews = shop.topic("reviews");
    let put = |ids: &[u32]| {
        let (writer, _) = writer(&shop.settings, None);
        for id in ids {
            let review = format!(
                r#"{{"review_id":"r{id}","product_id":"p{id}","text":"It is fine","lang":"en","ts":1700000000}}"#
            );
            send(&writer, &reviews, &format!("r{id}"), &review);
        }
        flush(&writer);
    };
    put(&[0, 1, 2, 3, 4, 5]);
    shop.finish(1);
    let cluster = cluster(&shop.settings);
    for (partition, end) in (0..).zip(ends(&shop.settings, &reviews)) {
        cluster.delete_records(&reviews, partition, end).unwrap();
    }
    put(&[4, 5, 6]);
    let before = records(&shop.settings, &shop.topic("scored")).len();
    let mut running = shop.start_with(2, &["--from-scratch"]);
    shop.wait_until_committed(&mut running);
    running.stop();
    let written = records(&shop.settings, &shop.topic("scored"));
    let mut last = std::collections::BTreeMap::new();
    for record in &written {
        last.insert(record.key_text(), record.value.is_some());
    }
    let stands = |id: &u32| last.get(&format!("r{id}")).copied();
    let found: Vec<Option<bool>> = (0..7).map(|id| stands(&id)).collect();
    let (gone, there) = (Some(false), Some(true));
    assert_eq!(found, [gone, gone, gone, gone, there, there, there]);
    assert_eq!(written.len(), before + 6 + 3, "a tombstone for each key that stood there, then what is read");
    // where each record counts, none is taken back
    let products = records(&shop.settings, &shop.topic("products"));
    assert!(products.iter().all(|record| record.value.is_some()));
}
