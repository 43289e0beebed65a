/* SPDX-License-Identifier: Apache-2.0 */
/* The process `keys`, as its files see it: files of keys, revisions, requests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/base/loop.h"
#include "lib/pki/error.h"
#include "tpsd/proc/proc.h"
#include "tpsd/tls/fetched.h"
#include "tpsd/tls/forger.h"
#include "tpsd/tls/keystore.h"
#include "tpsd/tls/ticket.h"

enum { KEY_NAME_MAX = 129, KEY_PATH_MAX = 1025 };

/* One certificate's key of the revision that is being loaded. */
struct loaded {
	char certificate[KEY_NAME_MAX];
	uint8_t id[KEY_ID_LEN];
	EVP_PKEY *key; /* not in use before its revision was checked */
	int status;    /* of loading; then `error` tells */
	struct pki_error error;
};

/* A key file that may still get its password file. */
struct waiting {
	bool there;
	int fd;
	char certificate[KEY_NAME_MAX];
	char path[KEY_PATH_MAX];
};

struct loading {
	uint32_t revision; /* 0: none */
	bool complete;     /* the last file was here */
	struct waiting waiting;
	struct loaded *items;
	size_t count, size;
};

/* What is known of a certificate of the document. */
struct asked_certificate {
	uint8_t id[KEY_ID_LEN];
	X509 *issuer; /* the certificate, when a client proxy signs with it; else NULL */
};

/* What a prepare must check when the files are there. */
struct asked {
	uint32_t revision; /* 0: none */
	struct config *config;
	struct asked_certificate *certificates; /* by index */
};

struct keys {
	struct keystore *store; /* of servers, and of the pool */
	struct forger *forger;  /* with the keys of signing certificates */
	struct loading loading;
	bool ready; /* a first set of keys is in use: before, one that is missing may yet come */
	uint32_t forged_leaves; /* limit of the revision prepared last */
	struct loop_timer pool;
	struct asked asked;         /* being prepared */
	struct asked checked;       /* prepared, and neither in force nor aborted */
	struct asked current;       /* in force */
	uint32_t committed;         /* its revision */
	struct fetched *fetched;    /* keys of the SMS */
	struct loop_timer patience; /* runs while `asked` waits for them */
	bool impatient;             /* it has run out for `asked` */
	uint32_t generation;
	uint8_t tickets[2][TICKET_SECRET_LEN]; /* this generation, the one before */
	bool have_older;
	struct loop_timer rotate;
	struct proc *proc;
};

/* ---- keys_files.c ---- */
/* A descriptor from parent, taken over (and *fd set to -1) when it is kept. */
void keys_on_file(struct keys *k, const struct ipc_key_file *msg, int *fd);
/* NULL: its file did not come. */
const struct loaded *loading_find(const struct loading *l, const char *certificate);
void loading_fini(struct loading *l);

/* ---- keys_remote.c: the keys that the SMS sends */
/* Names those of `asked`. 0: all that can be had are here; SL_EAGAIN: keys_finish_prepare will be
 * called. */
int keys_await_remote(struct keys *k) SL_MUST;
/* `current` is in force: says what is missing, and asks for it. */
void keys_remote_commit(struct keys *k, uint32_t revision);
void keys_on_sealed(struct keys *k, const struct ipc_sealed_key *msg);
void keys_on_forget(struct keys *k);
void keys_link_up(struct keys *k);
void keys_on_sealing_file(struct keys *k, int fd);

/* ---- keys_revision.c: three of proc_ops ---- */
int keys_prepare(struct proc *proc, uint32_t revision, const struct conf_image *image,
                 struct config *config);
void keys_commit(struct proc *proc, uint32_t revision);
void keys_abort(struct proc *proc, uint32_t revision);
/* Called when the later of the two is here, files or image; does nothing before. */
void keys_finish_prepare(struct keys *k);
void asked_fini(struct asked *a);
/* Which keys are of our own CAs and leaves: to one worker, to all. */
/* Takes the key of certificate `i` of `a` into use for that revision. */
int keys_use(struct keys *k, const struct asked *a, uint32_t i, EVP_PKEY *key) SL_MUST;
void keys_send_own(struct keys *k, struct ipc_channel *to);
void keys_tell_own(struct keys *k);
