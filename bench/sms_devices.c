/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `make bench-sms`: many devices without their boxes. Each is the device's own client (tpsd/link),
 * as `tpsd: link` runs it, with a state directory of its own; what stands behind it here is a
 * `control` that takes every document, and a `keys` that asks for every private key of it. All are
 * in one thread and one loop.
 *
 *   sms-devices DIRECTORY ADDRESS:PORT SEGMENT < TOKENS
 *
 * TOKENS: a line "NAME TOKEN" a device. Prints "enrolled N" when all are, and from then on a line
 * "documents N keys N" whenever that changed. Ends with the end of its input.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/loop.h"
#include "lib/conf/digest.h"
#include "lib/ipc/channel.h"
#include "lib/remote/token.h"
#include "tpsd/proc/proc.h"
#include "tpsd/proc/sandbox.h"

enum {
	DEVICES = 1000,
	ENROLLING = 8, /* at the same time: more than ten from one address look like guessing */
	LOOK_MS = 200,
	KEYS_WAIT_S = 8, /* as `keys` waits for what it misses */
	DIGEST = 32,
	KEY_IDS_MAX = 2048, /* of one NEED_KEYS */
};

/* A device: the process's surroundings, and who answers it. */
struct box {
	struct proc proc;
	struct ipc_channel *control, *keys; /* link's ends */
	struct ipc_channel *ours[2];        /* the other ends: `control`, `keys` */
	char name[64], directory[4200];
	char *token;
	uint32_t revision;
	uint64_t order; /* of the DOCUMENT that waits for its keys */
	unsigned missing;
	uint8_t *held; /* ids of the keys of the document before, in its order */
	unsigned held_count;
	struct loop_timer patience;
	uint8_t sha256[DIGEST];
	int document;
	size_t size;
};

static struct {
	struct loop *loop;
	struct box *boxes;
	size_t count, begun, enrolled;
	uint64_t documents, keys, told_documents, told_keys;
	const char *address, *segment;
	char current[4200]; /* a link to the device's directory that is opened */
	struct loop_timer look;
	struct proc_kind kind;
	struct counter_file *counters;
	uint64_t heartbeats[PROC_SLOTS]; /* no wire: none is ever seen */
} bench;

static void fail(const char *what)
{
	(void)fprintf(stderr, "sms-devices: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- what tpsd/link finds around it ------------------------------------------------------ */

struct ipc_channel *proc_peer(struct proc *proc, enum ipc_role role, unsigned index)
{
	struct box *box = (struct box *)proc;

	(void)index;
	return role == IPC_CONTROL ? box->control : role == IPC_KEYS ? box->keys : NULL;
}

void sandbox_ids(const struct proc_kind *kind, uid_t *ret_uid, gid_t *ret_gid)
{
	(void)kind;
	*ret_uid = geteuid();
	*ret_gid = getegid();
}

static void enrol_next(void);

/* The one command that is given is `enrol`. */
void proc_answer(struct proc *proc, uint64_t id, int status, const char *json, size_t len,
                 bool more)
{
	(void)id;
	(void)more;
	if (status != 0) {
		(void)fprintf(stderr, "sms-devices: %s is not enrolled: %.*s\n",
		              ((struct box *)proc)->name, (int)len, json);
		exit(1);
	}
	bench.enrolled++;
	if (bench.enrolled == bench.count) {
		(void)printf("enrolled %zu\n", bench.count);
		(void)fflush(stdout);
	}
	enrol_next();
}

/* ---- control ----------------------------------------------------------------------------- */

static void say_in_force(struct box *box)
{
	struct ipc_message msg = {.type = IPC_IN_FORCE};

	msg.in_force.revision = box->revision;
	msg.in_force.sha256 = (struct ipc_bytes){box->sha256, DIGEST};
	msg.in_force.size = box->size;
	if (ipc_send_fds(box->ours[0], &msg, &box->document, 1) != 0)
		fail("IN_FORCE");
}

static void done(struct box *box)
{
	struct ipc_message msg = {.type = IPC_DOCUMENT_DONE};

	loop_timer_cancel(&box->patience);
	box->revision++;
	msg.document_done.id = box->order;
	msg.document_done.revision = box->revision;
	box->order = 0;
	bench.documents++;
	say_in_force(box);
	if (ipc_send(box->ours[0], &msg) != 0)
		fail("DOCUMENT_DONE");
}

static void on_patience(struct loop_timer *timer)
{
	done((struct box *)(void *)((char *)timer - offsetof(struct box, patience)));
}

static int hex_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Every "key_id" of the text: canonical, so there is one way to write it. Those of the document
 * before are here still, where all are the same. */
static unsigned ask_for_keys(struct box *box, const char *text)
{
	static const char mark[] = "\"key_id\":\"";
	static uint8_t ids[KEY_IDS_MAX * DIGEST];
	struct ipc_message msg = {.type = IPC_NEED_KEYS};
	unsigned count = 0, missing = 0;

	for (const char *at = strstr(text, mark); at && count < KEY_IDS_MAX;
	     at = strstr(at, mark)) {
		at += sizeof(mark) - 1;
		for (unsigned i = 0; i < DIGEST; i++)
			ids[count * DIGEST + i] =
			        (uint8_t)(hex_of(at[2 * i]) << 4 | hex_of(at[2 * i + 1]));
		count++;
	}
	if (count != box->held_count || memcmp(ids, box->held, (size_t)count * DIGEST) != 0)
		missing = count;
	box->held = realloc(box->held, (size_t)count * DIGEST + 1);
	if (!box->held)
		fail("memory");
	memcpy(box->held, ids, (size_t)count * DIGEST);
	box->held_count = count;
	msg.need_keys.ids = (struct ipc_bytes){ids, missing * DIGEST};
	if (missing > 0 && ipc_send(box->ours[1], &msg) != 0)
		fail("NEED_KEYS");
	return missing;
}

static void on_document(struct box *box, const struct ipc_document *msg, int *fd)
{
	char *text = malloc(msg->size + 1);

	if (!text || pread(*fd, text, msg->size, 0) != (ssize_t)msg->size)
		fail("a document");
	text[msg->size] = '\0';
	(void)close(box->document);
	box->document = *fd;
	*fd = -1;
	box->size = msg->size;
	box->order = msg->id;
	if (conf_digest(text, msg->size, box->sha256) != 0)
		fail("a digest");
	box->missing = ask_for_keys(box, text);
	free(text);
	if (box->missing == 0)
		done(box);
	else
		(void)loop_timer_set(bench.loop, &box->patience, KEYS_WAIT_S * CLOCK_NS_PER_S,
		                     on_patience);
}

static void from_link(struct ipc_channel *ch, const struct ipc_message *msg, int fds[IPC_FDS_MAX],
                      void *arg)
{
	struct box *box = arg;

	(void)ch;
	if (!msg)
		fail("a channel ended");
	if (msg->type == IPC_DOCUMENT) {
		on_document(box, &msg->document, &fds[0]);
	} else if (msg->type == IPC_SEALED_KEY && msg->sealed_key.status == 0) {
		bench.keys++;
		if (box->missing > 0 && --box->missing == 0 && box->order != 0)
			done(box);
	}
}

static void to_link(struct ipc_channel *ch, const struct ipc_message *msg, int fds[IPC_FDS_MAX],
                    void *arg)
{
	struct box *box = arg;

	if (!msg)
		fail("a channel ended");
	link_ops.message(&box->proc, ch, msg, fds);
}

/* ---- a device ---------------------------------------------------------------------------- */

static void pair(struct box *box, enum ipc_role peer, struct ipc_channel **link_end,
                 struct ipc_channel **our_end)
{
	int fds[2];

	if (ipc_pair(fds) != 0)
		fail("a pair of sockets");
	*link_end = ipc_channel_create(bench.loop, fds[0], IPC_LINK, peer, 0, to_link, box);
	*our_end = ipc_channel_create(bench.loop, fds[1], peer, IPC_LINK, 0, from_link, box);
	if (!*link_end || !*our_end)
		fail("a channel");
}

/* What it has before its SMS says anything: a segment, to which virtual segments go. */
static void first_document(struct box *box)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
	                   "{\"version\":1,\"device\":{\"name\":\"%s\"},\"segments\":[{\"name\":"
	                   "\"%s\",\"port_a\":\"e0\",\"port_b\":\"e1\"}]}",
	                   box->name, bench.segment);

	box->document = memfd_create("document", MFD_CLOEXEC);
	if (box->document < 0 || write(box->document, text, (size_t)len) != len ||
	    conf_digest(text, (size_t)len, box->sha256) != 0)
		fail("a document");
	box->size = (size_t)len;
	box->revision = 1;
	say_in_force(box);
}

/* On a thousand hosts the state directory has one path, and so has the document that names files
 * below it: here the path is a link, which the device follows when it starts. */
static void make_directory(struct box *box)
{
	(void)unlink(bench.current);
	if (mkdir(box->directory, 0700) != 0 || symlink(box->directory, bench.current) != 0)
		fail(box->directory);
}

static void make_box(struct box *box)
{
	struct ipc_message msg = {.type = IPC_SEALING_KEY};
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	uint8_t public[DIGEST];
	size_t len = sizeof(public);

	box->proc = (struct proc){.kind = &bench.kind,
	                          .instance = box->name,
	                          .state_dir = bench.current,
	                          .loop = bench.loop,
	                          .heartbeats = bench.heartbeats,
	                          .counter_file = bench.counters,
	                          .counters = counter_file_slab(bench.counters, 0)};
	pair(box, IPC_CONTROL, &box->control, &box->ours[0]);
	pair(box, IPC_KEYS, &box->keys, &box->ours[1]);
	make_directory(box);
	if (link_ops.setup(&box->proc) != 0 || link_ops.start(&box->proc) != 0)
		fail(box->directory);
	if (!key || EVP_PKEY_get_raw_public_key(key, public, &len) != 1)
		fail("a key");
	EVP_PKEY_free(key);
	msg.sealing_key.key = (struct ipc_bytes){public, DIGEST};
	if (ipc_send(box->ours[1], &msg) != 0)
		fail("SEALING_KEY");
	first_document(box);
}

/* `link` hears of the sealing key before it is asked to enrol. */
static void enrol_next(void)
{
	struct box *box;
	char arguments[1024];

	if (bench.begun == bench.count)
		return;
	box = &bench.boxes[bench.begun++];
	(void)snprintf(arguments, sizeof(arguments), "{\"address\":\"%s\",\"text\":\"%s\"}",
	               bench.address, box->token);
	link_ops.command(&box->proc, 1, "sms_enrol", arguments);
}

static void on_begin(struct loop_timer *timer)
{
	(void)timer;
	for (unsigned i = 0; i < ENROLLING; i++)
		enrol_next();
}

/* ---- the whole --------------------------------------------------------------------------- */

static void on_look(struct loop_timer *timer)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	if (bench.documents != bench.told_documents || bench.keys != bench.told_keys) {
		bench.told_documents = bench.documents;
		bench.told_keys = bench.keys;
		(void)printf("documents %" PRIu64 " keys %" PRIu64 "\n", bench.documents,
		             bench.keys);
		(void)fflush(stdout);
	}
	if (poll(&in, 1, 0) > 0)
		loop_stop(bench.loop);
	else
		(void)loop_timer_set(bench.loop, timer, LOOK_MS * CLOCK_NS_PER_MS, on_look);
}

static void read_tokens(const char *directory)
{
	char line[512], token[256];

	bench.boxes = calloc(DEVICES, sizeof(*bench.boxes));
	if (!bench.boxes)
		fail("memory");
	while (fgets(line, sizeof(line), stdin) && line[0] != '\n') {
		struct box *box = &bench.boxes[bench.count++];

		if (bench.count > DEVICES || sscanf(line, "%63s %255s", box->name, token) != 2)
			fail("a line of the tokens");
		box->token = strdup(token);
		(void)snprintf(box->directory, sizeof(box->directory), "%s/%s", directory,
		               box->name);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files = {0, 0};
	struct loop_timer begin = {0};
	char counters[4200];

	if (argc != 4) {
		(void)fprintf(stderr,
		              "usage: sms-devices DIRECTORY ADDRESS:PORT SEGMENT < TOKENS\n");
		return 2;
	}
	log_open("sms-devices", LOG_LEVEL_ERROR);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	bench.address = argv[2];
	bench.segment = argv[3];
	(void)snprintf(bench.current, sizeof(bench.current), "%s/current", argv[1]);
	(void)snprintf(counters, sizeof(counters), "%s/counters", argv[1]);
	if (counter_file_create(counters, &bench.counters) != 0)
		fail(counters);
	bench.loop = loop_create();
	bench.kind = (struct proc_kind){.name = "link", .role = IPC_LINK, .user = "sluice-link"};
	if (!bench.loop)
		fail("a loop");
	read_tokens(argv[1]);
	for (size_t i = 0; i < bench.count; i++)
		make_box(&bench.boxes[i]);
	(void)loop_timer_set(bench.loop, &begin, 100 * CLOCK_NS_PER_MS, on_begin);
	(void)loop_timer_set(bench.loop, &bench.look, LOOK_MS * CLOCK_NS_PER_MS, on_look);
	(void)loop_run(bench.loop);
	return 0;
}
