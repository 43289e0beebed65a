/* SPDX-License-Identifier: Apache-2.0 */
/* What is made here: signing certificates (R60) and signing requests (R65). */
#include <openssl/evp.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/store/store.h"

struct made {
	struct object_change how;
	struct material material;
	struct problem *problem;
};

static int put_made(void *arg, struct store_tx *tx)
{
	struct made *made = arg;

	problem_fini(made->problem);
	return material_put(tx, &made->how, &made->material, made->problem);
}

/* Seals the key, writes both. `made->material` is wiped whatever becomes of it. */
static int keep(struct certificate_store *at, struct made *made, EVP_PKEY *key, bool exportable,
                int rc)
{
	if (rc == 0)
		rc = material_seal(&made->material, at->vault, key, exportable);
	if (rc == 0)
		rc = store_write(at->store, put_made, made);
	material_fini(&made->material);
	return rc ? certificate_failed(rc, made->problem) : 0;
}

int certificate_make_signing(struct certificate_store *at, const struct actor *actor,
                             const char *name, const struct pki_subject *subject,
                             enum pki_key_type type, unsigned days, bool exportable,
                             struct problem *problem)
{
	struct made made = {.how = {.actor = actor, .action = "make"}, .problem = problem};
	struct pki_issuer issuer;
	struct pki_error err;
	int rc = name_check(OBJECT_CERTIFICATE, name, problem);

	if (rc != 0)
		return rc;
	if (pki_ca_make(subject, type, days, moment_now_ms() / 1000, &issuer, &err) != 0)
		return problem_add_pki(problem, "/subject", &err);
	rc = material_of_certificate(issuer.certificate, OBJECT_CERTIFICATE, name, &made.material);
	rc = keep(at, &made, issuer.key, exportable, rc);
	pki_issuer_fini(&issuer);
	return rc;
}

int certificate_make_request(struct certificate_store *at, const struct actor *actor,
                             const char *name, const struct pki_subject *subject,
                             enum pki_key_type type, bool ca, bool exportable,
                             struct problem *problem)
{
	struct made made = {.how = {.actor = actor, .action = "make"}, .problem = problem};
	X509_REQ *request = NULL;
	EVP_PKEY *key = NULL;
	struct pki_error err;
	int rc = name_check(OBJECT_SIGNING_REQUEST, name, problem);

	if (rc != 0)
		return rc;
	rc = pki_key_make(type, &key, &err);
	if (rc == 0)
		rc = pki_request_make(subject, key, ca, &request, &err);
	if (rc == 0) {
		rc = material_of_request(request, name, &made.material);
		rc = keep(at, &made, key, exportable, rc);
	} else {
		rc = problem_add_pki(problem, "/subject", &err);
	}
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	return rc;
}
