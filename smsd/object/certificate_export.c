/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves: public parts for anyone who may read, a private key by the vault's word only (R73).
 */
#include <openssl/evp.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/key.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"

static int refuse_password(const char *password, struct problem *problem)
{
	size_t len = password ? strnlen(password, CERTIFICATE_PASSWORD_MAX + 1) : 0;

	if (len == 0)
		return problem_add(problem, SL_EINVAL, "/password", "give one",
		                   "a private key leaves encrypted only: a password is missing");
	if (len > CERTIFICATE_PASSWORD_MAX)
		return problem_add(problem, SL_EINVAL, "/password", "shorten it",
		                   "a password has at most %d bytes", CERTIFICATE_PASSWORD_MAX);
	return 0;
}

static int no_key_in(const struct object *object, struct problem *problem)
{
	return problem_add(problem, SL_EINVAL, "/format", "choose PEM or DER",
	                   object->kind == OBJECT_CA_CERTIFICATE
	                           ? "a CA certificate is without a private key here"
	                           : "the private key of a signing request never leaves");
}

static int add_pkcs12(struct certificate_store *at, const struct actor *actor,
                      const struct object *object, X509 *cert, const char *password,
                      struct buf *out, struct problem *problem)
{
	uint8_t id[VAULT_ID_SIZE];
	struct chain chain = {0};
	struct pki_error err;
	EVP_PKEY *key = NULL;
	int rc = refuse_password(password, problem);

	if (rc == 0)
		rc = pki_cert_key_id(cert, id);
	if (rc == 0)
		rc = chain_find(at->store, cert, &chain);
	if (rc == 0)
		rc = vault_export(at->vault, id, actor, &key, problem);
	if (rc == 0 &&
	    pki_pkcs12_add(key, cert, chain.intermediates, object->name, password, out, &err) != 0)
		rc = problem_add_pki(problem, "", &err);
	EVP_PKEY_free(key);
	chain_fini(&chain);
	return rc;
}

static int add_pem(struct certificate_store *at, X509 *cert, struct buf *out)
{
	struct chain chain = {0};
	int rc = chain_find(at->store, cert, &chain);

	if (rc == 0)
		rc = pki_certificates_add_pem(cert, chain.intermediates, out);
	chain_fini(&chain);
	return rc;
}

static int export_certificate(struct certificate_store *at, const struct actor *actor,
                              const struct object *object, X509 *cert,
                              enum certificate_format format, const char *password, struct buf *out,
                              struct problem *problem)
{
	if (format == CERTIFICATE_PKCS12)
		return add_pkcs12(at, actor, object, cert, password, out, problem);
	if (format == CERTIFICATE_DER)
		return pki_certificate_add_der(cert, out);
	return object->kind == OBJECT_CA_CERTIFICATE ? pki_certificates_add_pem(cert, NULL, out)
	                                             : add_pem(at, cert, out);
}

int certificate_export(struct certificate_store *at, const struct actor *actor,
                       const struct object *object, enum certificate_format format,
                       const char *password, struct buf *out, struct problem *problem)
{
	struct stored stored;
	int rc;

	if (format == CERTIFICATE_PKCS12 && object->kind != OBJECT_CERTIFICATE)
		return no_key_in(object, problem);
	rc = stored_read(object, &stored, problem);
	if (rc != 0)
		return rc;
	if (!stored.request)
		rc = export_certificate(at, actor, object, stored.certificate, format, password,
		                        out, problem);
	else
		rc = format == CERTIFICATE_DER ? pki_request_add_der(stored.request, out)
		                               : pki_request_add_pem(stored.request, out);
	stored_fini(&stored);
	return rc ? certificate_failed(rc, problem) : 0;
}

/* ---- what clients have to trust ---------------------------------------------------------- */

static int root_of(struct certificate_store *at, const struct object *object, X509 *cert,
                   struct buf *ret_der, struct problem *problem)
{
	struct chain chain = {0};
	char issuer[PKI_SUBJECT_MAX];
	X509 *top;
	int rc;

	if (!certificate_is_ca(cert))
		return problem_add(problem, SL_EINVAL, "", "choose a signing certificate",
		                   "\"%s\" signs no certificates, clients need not trust it",
		                   object->name);
	rc = chain_find(at->store, cert, &chain);
	if (rc == 0 && chain.root)
		rc = pki_certificate_add_der(chain.root, ret_der);
	else if (rc == 0) {
		top = sk_X509_num(chain.intermediates) > 0
		              ? sk_X509_value(chain.intermediates,
		                              sk_X509_num(chain.intermediates) - 1)
		              : cert;
		rc = problem_add(problem, SL_ENOENT, "", "import it under CA certificates",
		                 "the root of the chain is not here: the certificate of \"%s\" is "
		                 "missing",
		                 pki_cert_issuer(top, issuer));
	}
	chain_fini(&chain);
	return rc;
}

int certificate_client_root(struct certificate_store *at, const struct object *object,
                            struct buf *ret_der, struct problem *problem)
{
	struct stored stored;
	int rc;

	if (object->kind != OBJECT_CERTIFICATE)
		return problem_add(problem, SL_EINVAL, "", "choose a signing certificate",
		                   "a %s signs nothing here", object_kind_name(object->kind));
	rc = stored_read(object, &stored, problem);
	if (rc != 0)
		return rc;
	rc = root_of(at, object, stored.certificate, ret_der, problem);
	stored_fini(&stored);
	return rc ? certificate_failed(rc, problem) : 0;
}

/* ---- formats ----------------------------------------------------------------------------- */

static const struct {
	const char *name, *type, *ending;
} formats[] = {
#define X(NAME, name, type, ending) {name, type, ending},
        CERTIFICATE_FORMATS(X)
#undef X
};

const char *certificate_format_type(enum certificate_format format)
{
	return formats[format].type;
}

const char *certificate_format_ending(enum certificate_format format)
{
	return formats[format].ending;
}

int certificate_format_parse(const char *name, enum certificate_format *ret_format)
{
	for (unsigned i = 0; i < CERTIFICATE_FORMAT_END; i++)
		if (strcmp(name, formats[i].name) == 0) {
			*ret_format = i;
			return 0;
		}
	return SL_ENOENT;
}
