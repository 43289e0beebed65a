/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of `link`: what its files share. Each part has its own struct below and its own calls;
 * they meet in link.c, which knows whether there is an SMS, and in the record.
 */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/loop.h"
#include "tpsd/link/answer.h"
#include "tpsd/link/https.h"
#include "tpsd/link/identity.h"
#include "tpsd/link/link.h"
#include "tpsd/link/minutes.h"
#include "tpsd/link/proof.h"
#include "tpsd/link/reader.h"
#include "tpsd/link/record.h"

struct ipc_channel;
struct ipc_bytes;
struct ipc_document_done;
struct ipc_events;
struct ipc_in_force;
struct ipc_licences;
struct ipc_panic_done;
struct proc;
struct store;

enum { KEY_ID = 32, TROUBLE_MAX = 512 };

/* The document in force, as `control` told: text in a sealed memfd. */
struct held {
	uint32_t revision; /* of the device; 0: not told yet */
	uint8_t sha256[32];
	int fd; /* -1: none */
	size_t size;
};

/* What is wanted, and how far it is (follow.c, fetch.c). */
struct follow {
	struct loop_timer timer; /* asking */
	struct https_call *call;
	unsigned failures;
	uint64_t asked_ns;
	uint32_t latest; /* revision that the SMS said last */
	/* Of one revision, from its first byte to its end: */
	bool busy;
	struct loop_timer work;
	struct https_call *fetch_call;
	unsigned fetch_failures;
	struct wanted wanted;
	struct buf document;
	struct wanted_file *files;
	size_t files_count, at;
	int part;                           /* of files[at]; -1 */
	uint64_t offset;                    /* in it */
	uint32_t bundle[REMOTE_BUNDLE_MAX]; /* of files, that were asked for together */
	unsigned bundle_count;
	void *digest;   /* EVP_MD_CTX of it */
	uint64_t order; /* id of the last DOCUMENT */
	bool applying;  /* DOCUMENT_DONE is waited for */
};

enum { LICENCE_DIGEST = 32 };

/* The SMS's licence, and what the device may (licence.c). */
struct licensed {
	struct loop_timer timer;
	struct https_call *call;
	unsigned failures;
	bool has_row;                   /* the SMS knows of it: it may be told */
	uint8_t wanted[LICENCE_DIGEST]; /* that it said last; zeros: none */
	char refused[512];              /* why `control` takes none of that; "" */
	json_t *states;                 /* as `control` told them; NULL: not yet */
};

/* Panic mode that the SMS asks for (panic.c). */
struct panicked {
	struct loop_timer timer;
	bool heard;      /* an answer of this SMS, since the process started or enrolled */
	bool has_row;    /* the SMS knows of it: it may be told */
	uint64_t number; /* of the last answer */
	char *steps;     /* for `control`; NULL: none yet */
	bool done;       /* `control` has them */
};

/* Status (tell.c). */
struct teller {
	struct loop_timer timer;
	struct https_call *call;
	unsigned failures;
	bool wanted;       /* something is to be told */
	bool capabilities; /* they were told to this SMS */
	uint8_t known[32]; /* digest of the document that the SMS was told last */
	bool knows;
	const char *inspection; /* as it was told; NULL: not yet */
	json_t *items;          /* of the refusal that is to be told */
	/* Of the call that runs: */
	uint32_t revision;
	enum remote_state state;
	uint8_t sha256[32];
	bool proving; /* it began after the commit that has to prove good */
};

/* R161 (prove.c). */
struct prover {
	struct loop_timer timer, sampler;
	struct proof_samples samples;
	bool reached, failed;
};

/* Keys that are missing (need.c). */
struct needed {
	uint8_t id[KEY_ID];
	bool answered; /* `keys` knows that it does not come now */
	bool refused;  /* by the SMS */
	bool here;     /* it came, and goes from the list */
};

struct need {
	struct loop_timer timer;
	struct https_call *call;
	unsigned failures;
	struct needed *items;
	size_t count;
	uint8_t asked[REMOTE_KEYS_MAX][KEY_ID]; /* in the call that runs, in its order */
	size_t asked_count;
};

/* Events (events.c). */
struct sender {
	struct loop_timer timer, saver;
	struct https_call *call;
	unsigned failures;
	struct reader *reader; /* NULL: no SMS */
	struct buf lines;      /* that are sent until the SMS has them: `batch` */
	struct reader_batch batch;
	struct reader_place place; /* the SMS has all before it */
	bool unsaved;
	bool ahead_said;
	bool idle; /* the timer is no pause, but the end of patience */
	bool told; /* the border, by `control` */
	struct reader_border border;
	uint32_t run;
	char trouble[TROUBLE_MAX];
};

/* Counters by the minute (count.c). */
struct count {
	struct loop_timer second, timer;
	struct https_call *call;
	unsigned failures;
	uint64_t sent; /* the last minute of the call that runs */
	struct minutes minutes;
};

/* A token being redeemed, a certificate being renewed (enrol.c). */
struct enrolment {
	struct https *https;
	struct https_call *call;
	struct identity identity;
	struct record record;
	uint64_t command; /* that waits for its end */
};

struct renewal {
	struct loop_timer timer;
	struct https_call *call;
	unsigned failures;
	struct identity identity;
};

struct link {
	struct proc *proc;
	struct store *store;
	uint64_t started_ns;
	enum link_state state;
	char trouble[TROUBLE_MAX]; /* what went wrong last; "" nothing */
	uint64_t contact_us;       /* wall clock of the SMS's last answer; 0: none */
	struct record record;
	struct identity identity;
	struct https *https; /* NULL: enrolled nowhere, or revoked */
	uint8_t sealing_key[32];
	bool have_sealing_key;
	struct held held;
	struct follow follow;
	struct licensed licence;
	struct panicked panic;
	struct teller teller;
	struct prover prover;
	struct need need;
	struct sender sender;
	struct count count;
	struct enrolment enrolment;
	struct renewal renewal;
};

/* ---- link.c ---- */
/* Starts and ends all that an enrolled device does. */
int link_connect(struct link *link) SL_MUST;
void link_disconnect(struct link *link);
/* The record as it is now goes to the disk; what fails is said in the log. */
void link_save(struct link *link);
/* Bytes that nobody changes any more; -1 with errno. */
int link_make_memfd(const char *name, const void *data, size_t len);
void link_set_state(struct link *link, enum link_state state);
/* 1, 2, 4 … 60 s, a fifth of it at random, in nanoseconds. */
uint64_t link_backoff_ns(unsigned failures);
/* The same, but not before the SMS wants it (0: it did not say). */
uint64_t link_wait_ns(unsigned failures, unsigned retry_after_s);

/* ---- call.c ---- */
/* A call by its row; `query` "" or "have=3&wait=50"; `body` is stolen (NULL: GET). */
int link_call(struct link *link, enum remote_call_id id, const char *query, json_t *body,
              unsigned timeout_s, bool fresh, https_done_fn *fn,
              struct https_call **ret_call) SL_MUST;
int link_call_at(struct https *https, enum remote_call_id id, const char *query, json_t *body,
                 unsigned timeout_s, bool fresh, https_done_fn *fn, void *arg,
                 struct https_call **ret_call) SL_MUST;
/* The same with a body that is no JSON; it is copied. */
struct link_bytes {
	const void *data;
	size_t len;
	const char *type;
};
int link_call_bytes(struct link *link, enum remote_call_id id, const char *query,
                    const struct link_bytes *body, unsigned timeout_s, https_done_fn *fn,
                    struct https_call **ret_call) SL_MUST;
/* What came of it, `answer` to be freed. False: the device was revoked, and no part goes on. */
bool link_take(struct link *link, enum remote_call_id id, const struct https_answer *in,
               struct answer *ret_answer);

/* ---- follow.c, fetch.c ---- */
void follow_start(struct link *link);
void follow_stop(struct link *link);
/* The revision could not be fetched, and is tried again; or it is at its end, good or bad. */
void follow_fetch_later(struct link *link, const char *why);
void follow_fetch_over(struct link *link);
void follow_on_done(struct link *link, const struct ipc_document_done *msg);
void follow_control_up(struct link *link);
/* The document of follow.wanted and its files; follow_apply when all is here. */
void fetch_start(struct link *link);
void fetch_stop(struct link *link);
/* It is wanted no more. */
void fetch_drop(struct link *link);
void follow_apply(struct link *link);

/* ---- bundle.c ---- */
/* Whether it comes with others. */
bool bundle_takes(const struct wanted_file *file);
/* It is on the disk; looked up until it is. */
bool bundle_has(const struct link *link, struct wanted_file *file);
/* Asks for what is missing of such, from follow.at on. */
int bundle_ask(struct link *link, unsigned timeout_s, https_done_fn *fn) SL_MUST;
/* NULL: all that were asked for are on the disk; else what went wrong. */
const char *bundle_take(struct link *link, const struct https_answer *in);

/* ---- licence.c ---- */
void licence_start(struct link *link);
void licence_stop(struct link *link);
/* What an answer to `wanted` says of it. */
void licence_take(struct link *link, const json_t *wanted);
void licence_on_licences(struct link *link, const struct ipc_licences *msg);
/* One that is not taken yet is tried again now. */
void licence_again(struct link *link);
/* Its row of a status. */
void licence_tell(const struct link *link, json_t *status);
/* ---- panic.c ---- */
/* What an answer to `wanted` says of it; *ret_first: it is the first of this SMS. SL_ENOMEM:
 * nothing of it is taken. */
int panic_take(struct link *link, const json_t *wanted, bool *ret_first) SL_MUST;
void panic_on_done(struct link *link, const struct ipc_panic_done *msg);
void panic_control_up(struct link *link);
/* Nothing is known of the SMS; what it asked for stays on. */
void panic_stop(struct link *link);
/* The device is its no more: what it asked for ends. */
void panic_forget(struct link *link);

/* ---- tell.c ---- */
void tell_start(struct link *link);
void tell_stop(struct link *link);
/* Something is to be told; soon. */
void tell(struct link *link);
/* What becomes of traffic is another than was told. */
void tell_if_changed(struct link *link);
json_t *tell_capabilities(const struct link *link);

/* ---- prove.c ---- */
void prove_start_sampling(struct link *link);
void prove_stop(struct link *link);
/* The record says IN_FORCE: it is watched from now on. */
void prove_begin(struct link *link);
/* The document in force is another one than before. */
void prove_on_in_force(struct link *link, bool reverted);

/* ---- need.c ---- */
void need_set(struct link *link, const struct ipc_bytes *ids);
void need_start(struct link *link);
void need_stop(struct link *link);
void need_forget(struct link *link);

/* ---- events.c ---- */
void events_start(struct link *link);
void events_stop(struct link *link);
void events_on_border(struct link *link, const struct ipc_events *msg);
/* `fd` is taken over; -1: there is no such file. */
void events_on_file(struct link *link, unsigned kind, uint32_t number, int fd);
void events_control_down(struct link *link);
/* Numbers that are on the disk and that the SMS has not. */
uint64_t events_behind(const struct link *link);

/* ---- count.c ---- */
void count_start(struct link *link);
void count_stop(struct link *link);

/* ---- enrol.c ---- */
void enrol_command(struct link *link, uint64_t id, const json_t *arguments);
void enrol_stop(struct link *link);
void renew_start(struct link *link);
void renew_stop(struct link *link);

/* ---- command.c ---- */
void link_command(struct proc *proc, uint64_t id, const char *name, const char *arguments);
void command_refuse(struct link *link, uint64_t id, int status, const char *text);
void command_answer(struct link *link, uint64_t id, json_t *value);
