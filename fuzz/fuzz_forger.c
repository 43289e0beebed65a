/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: whole messages as a worker that was broken into sends them to `keys`. What comes of a
 * FORGE is an error, or a leaf under the issuer that was asked for: no CA, and of a key of the
 * pool.
 */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/ipc/message.h"
#include "lib/pki/ca.h"
#include "tpsd/tls/forger.h"
#include "tpsd/tls/keystore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1800000000

static struct forger *forger;
static struct pki_issuer signer;
static uint8_t own[8][KEY_ID_LEN];

static struct pki_issuer make_ca(const char *name)
{
	const struct pki_subject subject = {.common_name = name};
	struct pki_issuer ca;
	struct pki_error err;

	if (pki_ca_make(&subject, PKI_KEY_P256, 30, NOW, &ca, &err) != 0)
		abort();
	return ca;
}

static void make_forger(void)
{
	struct pki_issuer untrusted = make_ca("untrusted");
	int rc = SL_EAGAIN;

	signer = make_ca("signer");
	forger = forger_create(keystore_create(), 0, NULL);
	forger_set_untrusted(forger, &untrusted);
	forger_set_max(forger, 100);
	if (forger_add_issuer(forger, signer.certificate, signer.key, 1) != 0)
		abort();
	while (rc == SL_EAGAIN)
		rc = forger_make_pool(forger, 1000);
	if (rc != 0 || forger_own_keys(forger, own, 8) != 4)
		abort();
}

static void check_leaf(const struct ipc_forge *msg, const struct ipc_forged *answer)
{
	const uint8_t *der = answer->certificate.data;
	X509 *leaf = d2i_X509(NULL, &der, (long)answer->certificate.len);
	uint8_t id[KEY_ID_LEN];

	if (!leaf || der != answer->certificate.data + answer->certificate.len ||
	    X509_check_ca(leaf) != 0 || pki_cert_key_id(leaf, id) != 0 ||
	    memcmp(id, answer->key.data, KEY_ID_LEN) != 0 ||
	    (memcmp(id, own[0], KEY_ID_LEN) != 0 && memcmp(id, own[1], KEY_ID_LEN) != 0) ||
	    (X509_verify(leaf, signer.key) == 1) != msg->trusted)
		abort();
	X509_free(leaf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_forged answer;
	struct ipc_message msg;

	if (!forger)
		make_forger();
	if (ipc_decode(data, size, &msg) != 0 || msg.type != IPC_FORGE ||
	    !ipc_may(msg.type, IPC_WORKER, IPC_KEYS))
		return 0;
	/* The issuer's id is another in each run. */
	if (msg.forge.issuer.len == KEY_ID_LEN && msg.forge.issuer.data[0] == 's')
		msg.forge.issuer.data = own[3];
	forger_answer(forger, &msg.forge, NOW, &answer);
	if (answer.id != msg.forge.id || answer.status > 0)
		abort();
	if (answer.status == 0)
		check_leaf(&msg.forge, &answer);
	return 0;
}
