//! What is changed of topics: they are made, removed, and cut at their beginning.

use std::{thread, time::Instant};

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{NewTopic, TopicReplication},
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{
    super::{
        error::{ClusterError, is_absence},
        native,
    },
    Cluster, LOOK_AGAIN, TopicToMake, list,
};

impl Cluster {
    /// Makes topics, and waits until the brokers know them; says of each whether it was made or was there already.
    ///
    /// # Errors
    /// The brokers do not answer, do not allow it, or do not take the settings of a topic; those before it may have been made.
    pub fn create(&self, topics: &[TopicToMake]) -> Result<Vec<bool>, ClusterError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        self.give_tokens()?;
        let to_make = topics.iter().map(|topic| {
            let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
            let replication = TopicReplication::Fixed(number(topic.replication));
            let made = NewTopic::new(&topic.name, number(topic.partitions), replication);
            topic.config.iter().fold(made, |made, (name, value)| made.set(name, value))
        });
        let to_make: Vec<NewTopic<'_>> = to_make.collect();
        let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        let doing = format!("make {}", list(&names));
        let answers = self.wait(&doing, self.admin.create_topics(&to_make, &self.options()))?;
        let mut made = Vec::new();
        for answer in answers {
            match answer {
                Ok(_) => made.push(true),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => made.push(false),
                Err((name, code)) => {
                    return Err(self.explain(&format!("make `{name}`"), &KafkaError::AdminOp(code)));
                }
            }
        }
        self.await_known(&names, true)?;
        Ok(made)
    }

    /// Waits until the brokers know topics, or know them no longer: the controller answers before all brokers have heard.
    fn await_known(&self, names: &[&str], known: bool) -> Result<(), ClusterError> {
        let started = Instant::now();
        let doing = if known { "see" } else { "see the end of" };
        let doing = format!("{doing} {}", list(names));
        loop {
            let described = native::describe_topics(self.observer.client(), names, self.within)
                .map_err(|error| self.explain(&doing, &error))?;
            let absent =
                |answer: &Result<_, RDKafkaErrorCode>| matches!(answer, Err(code) if is_absence(*code));
            if described.iter().all(|(_, answer)| absent(answer) != known) {
                return Ok(());
            }
            if started.elapsed() > self.within {
                return Err(self.explain(&doing, &KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut)));
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Removes topics and what is in them; one that is not there counts as removed.
    ///
    /// # Errors
    /// The brokers do not answer, or do not allow it.
    pub fn delete(&self, names: &[&str]) -> Result<(), ClusterError> {
        self.give_tokens()?;
        let answers =
            self.wait(&format!("delete {}", list(names)), self.admin.delete_topics(names, &self.options()))?;
        for answer in answers {
            if let Err((name, code)) = answer
                && !is_absence(code)
            {
                return Err(self.explain(&format!("delete `{name}`"), &KafkaError::AdminOp(code)));
            }
        }
        self.await_known(names, false)
    }

    /// Forgets the records of a partition below an offset. Its topic has to allow that (`cleanup.policy=delete`).
    ///
    /// # Errors
    /// The brokers do not answer, or do not allow it.
    pub fn delete_records(&self, topic: &str, partition: u32, below: u64) -> Result<(), ClusterError> {
        self.give_tokens()?;
        let doing = format!("delete records of partition {partition} of `{topic}`");
        let mut offsets = TopicPartitionList::new();
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let below = Offset::Offset(i64::try_from(below).unwrap_or(i64::MAX));
        offsets.add_partition_offset(topic, number, below).map_err(|error| self.explain(&doing, &error))?;
        let answers = self.wait(&doing, self.admin.delete_records(&offsets, &self.options()))?;
        match answers.elements().iter().find_map(|answer| answer.error().err()) {
            Some(error) => Err(self.explain(&doing, &error)),
            None => Ok(()),
        }
    }
}
