/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private key files: parent, which is root, opens them for each revision and hands the descriptors
 * to `keys`, which is not. Nothing is read here. Parent only.
 */
#pragma once

#include <stdint.h>

#include "lib/base/attr.h"

struct config;
struct proc;

struct keyfiles {
	struct config *current, *next; /* whose files were sent */
	uint32_t current_revision, next_revision;
};

/* Opens and sends all files of `config`; each that does not open is refused as an item. */
int keyfiles_prepare(struct keyfiles *k, struct proc *proc, uint32_t revision,
                     struct config *config) SL_NONNULL(1, 2, 4);
void keyfiles_commit(struct keyfiles *k, uint32_t revision) SL_NONNULL(1);
void keyfiles_abort(struct keyfiles *k, uint32_t revision) SL_NONNULL(1);

/* To a `keys` that was started again: the files of the revision in force. */
void keyfiles_resend(struct keyfiles *k, struct proc *proc) SL_NONNULL(1, 2);
void keyfiles_fini(struct keyfiles *k) SL_NONNULL(1);

#define KEYFILES_UNTRUSTED "untrusted-ca.pem"
#define KEYFILES_SEALING   "sealing.pem"

/*
 * To a `keys` that was started: the files of STATE/keystore, open for reading and writing, made
 * when they are not there: the untrusted CA, and the key that the SMS seals private keys for. What
 * others than root could have put there is not opened (critical log): sites that do not verify are
 * then not decrypted, and the SMS sends no keys.
 */
void keyfiles_send_keystore(struct proc *proc) SL_NONNULL(1);
