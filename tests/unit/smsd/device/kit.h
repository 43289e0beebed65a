/* SPDX-License-Identifier: Apache-2.0 */
/* A store with its vault and device CA, and what a device brings when it asks. */
#pragma once

#include "tests/unit/smsd/place.h"

#include "smsd/device/device.h"
#include "smsd/vault/vault.h"

struct kit {
	struct place *place;
	struct store *store;
	struct vault *vault;
	struct problem *problem;
};

/* cmocka's setup and teardown: *state is a struct kit. */
int kit_setup(void **state);
int kit_teardown(void **state);

/* As if smsd was started again. */
void kit_reopen(struct kit *kit);

EVP_PKEY *kit_key(void);

/* PEM, to be freed. */
char *kit_request(EVP_PKEY *key);

/* The body of an enrolment; json_decref frees. */
json_t *kit_enrolment(const char *token, EVP_PKEY *key);

/* A certificate of PEM text. */
X509 *kit_certificate(const json_t *answer, const char *key);

/* A new device of this name, enrolled with this key; its certificate. */
X509 *kit_device(struct kit *kit, const char *name, EVP_PKEY *key);

/* Redeems a token: the code, and the answer when it is 0. What was told is forgotten. */
int kit_enrol(struct kit *kit, const char *token, EVP_PKEY *key, json_t **ret_answer);
int kit_renew(struct kit *kit, const char *name, EVP_PKEY *key, X509 **ret_certificate);

/* device_identify; `ret_name` NULL: nobody asks. */
int kit_identify(struct kit *kit, X509 *certificate, char ret_name[DEVICE_NAME_MAX]);
