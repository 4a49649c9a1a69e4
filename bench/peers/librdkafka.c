/*
 * librdkafka as a peer: produces for some seconds, waits for every delivery report, prints one JSON line.
 * Usage: librdkafka bootstrap topic seconds warmupSeconds valueBytes acks(all|1|0) mode(each|batch) [name=value ...]
 * Extra name=value pairs are librdkafka settings.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define VALUE_COUNT 1000
#define POLL_EVERY 1000

static long delivered, failed;
static char *values[VALUE_COUNT];

static void die(const char *what, const char *why) {
  fprintf(stderr, "librdkafka peer: %s: %s\n", what, why);
  exit(1);
}

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu_s(struct rusage *u) {
  getrusage(RUSAGE_SELF, u);
  return u->ru_utime.tv_sec + u->ru_utime.tv_usec / 1e6 + u->ru_stime.tv_sec + u->ru_stime.tv_usec / 1e6;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  (void)rk;
  (void)opaque;
  if (message->err) failed++;
  else delivered++;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) die(name, error);
}

/* The same text as bench/produce/values.ts makes. */
static void make_values(int value_bytes) {
  for (int i = 0; i < VALUE_COUNT; i++) {
    char *value = malloc(value_bytes + 64);
    int length = snprintf(value, value_bytes + 64, "{\"id\":%d,\"text\":\"", i);
    for (int at = length; at < value_bytes; at++) value[at] = 'a' + (i * 7 + at * 13) % 26;
    values[i] = value;
  }
}

static long produce_each(rd_kafka_t *rk, rd_kafka_topic_t *topic, int value_bytes) {
  for (int i = 0; i < POLL_EVERY; i++) {
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, values[i % VALUE_COUNT], value_bytes,
                            NULL, 0, NULL) == -1) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) die("produce", rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_poll(rk, 1);
    }
  }
  rd_kafka_poll(rk, 0);
  return POLL_EVERY;
}

static long produce_batch(rd_kafka_t *rk, rd_kafka_topic_t *topic, int value_bytes) {
  static rd_kafka_message_t messages[VALUE_COUNT];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < VALUE_COUNT; i++) {
    messages[i].payload = values[i];
    messages[i].len = value_bytes;
  }
  long done = rd_kafka_produce_batch(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, messages, VALUE_COUNT);
  rd_kafka_poll(rk, done < VALUE_COUNT ? 1 : 0); /* Those refused for a full queue are simply not counted. */
  return done;
}

static long produce_for(rd_kafka_t *rk, rd_kafka_topic_t *topic, double seconds, int value_bytes, int by_batch) {
  double end = now_s() + seconds;
  long sent = 0;
  while (now_s() < end) sent += (by_batch ? produce_batch : produce_each)(rk, topic, value_bytes);
  if (rd_kafka_flush(rk, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR) die("flush", "timed out");
  return sent;
}

int main(int argc, char **argv) {
  if (argc < 8) die("usage", "bootstrap topic seconds warmupSeconds valueBytes acks mode [name=value ...]");
  int value_bytes = atoi(argv[5]);
  int by_batch = strcmp(argv[7], "batch") == 0;
  make_values(value_bytes);
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", argv[1]);
  set(conf, "acks", argv[6]);
  for (int i = 8; i < argc; i++) {
    char *equals = strchr(argv[i], '=');
    if (!equals) die("argument without =", argv[i]);
    *equals = 0;
    set(conf, argv[i], equals + 1);
  }
  rd_kafka_conf_set_dr_msg_cb(conf, on_report);
  char error[256];
  rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (!rk) die("new", error);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);

  long warmup = produce_for(rk, topic, atof(argv[4]), value_bytes, by_batch);
  struct rusage usage;
  double cpu_start = cpu_s(&usage), start = now_s();
  long sent = produce_for(rk, topic, atof(argv[3]), value_bytes, by_batch);
  double seconds = now_s() - start, cpu = cpu_s(&usage) - cpu_start;
  if (failed || delivered != warmup + sent) die("delivery", "not every message was acknowledged");
  printf("{\"version\":\"%s\",\"records\":%ld,\"warmupRecords\":%ld,\"seconds\":%.4f,\"cpuSeconds\":%.4f,\"peakRssBytes\":%ld}\n",
         rd_kafka_version_str(), sent, warmup, seconds, cpu, usage.ru_maxrss * 1024L);
  return 0;
}
