/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and CA certificates (R61, R62, R75), read into sections of an image; what there is
 * to say of each when a document is loaded.
 */
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/image_priv.h"
#include "lib/conf/node.h"
#include "lib/pki/cert.h"
#include "lib/pki/forge.h"

enum { EXPIRY_NOTICE_DAYS = 30 };

static int add_of(struct conf_image_maker *m, const char *pattern, const char *what,
                  const struct buf *content)
{
	char name[CONF_IMAGE_NAME_MAX];

	return conf_image_add(m, image_section_name(name, pattern, what), content->data,
	                      content->len);
}

static void pki_refusal(const struct gather *g, const struct pki_error *err)
{
	(void)conf_errors_add(g->errs, g->node, err->code, err->remedy, "%s", err->text);
}

static void check_code(const struct gather *g, int rc)
{
	if (rc != 0)
		(void)conf_errors_add(g->errs, g->node, rc, "", "%s", err_text(rc));
}

/* R74, R82: said when the document is loaded; control says it again as time goes by. */
static void notice_validity(const struct gather *g, const char *name, const X509 *cert)
{
	struct pki_validity v;

	if (pki_cert_validity(cert, (int64_t)time(NULL), &v) != 0)
		conf_errors_notice(g->errs, g->node, "replace it",
		                   "the dates of the certificate \"%s\" cannot be read", name);
	else if (v.status == PKI_EXPIRED)
		conf_errors_notice(g->errs, g->node, "replace it: clients refuse it",
		                   "the certificate \"%s\" has expired", name);
	else if (v.status == PKI_NOT_YET_VALID)
		conf_errors_notice(g->errs, g->node, "check the clock, or wait",
		                   "the certificate \"%s\" is not yet valid", name);
	else if (v.days_left < EXPIRY_NOTICE_DAYS)
		conf_errors_notice(g->errs, g->node, "replace it in time",
		                   "the certificate \"%s\" expires in %d days", name, v.days_left);
}

static void count_name(void *arg, const char *name)
{
	size_t *count = arg;

	(*count)++;
}

/* A certificate that no SNI can choose. */
static void notice_nameless(const struct gather *g, const char *name, const X509 *cert)
{
	size_t count = 0;

	(void)pki_cert_names(cert, count_name, &count);
	if (count == 0)
		conf_errors_notice(g->errs, g->node, "it serves as default certificate only",
		                   "the certificate \"%s\" has no DNS name", name);
}

/*
 * R62: what lies between a certificate and its root is in CA certificates, when it is not in its
 * file. Of signing certificates the root too: it is what clients have to trust.
 */
static int complete_chain(const struct gather *g, const struct config_certificate *c,
                          struct pki_chain *chain)
{
	bool rooted = true;
	int rc = pki_chain_is_broken(chain) ? 0 : pki_chain_complete(chain, g->cas, &rooted);

	if (rc == 0 && !rooted && config_is_issuer(conf_image_maker_config(g->m), c))
		conf_errors_notice(g->errs, g->node,
		                   "add its intermediate and root to ca_certificates",
		                   "the root of the signing certificate \"%s\" is not among the CA "
		                   "certificates: clients are sent no complete chain, or have to "
		                   "get that root elsewhere",
		                   c->name);
	return rc;
}

/* The key that the management system will be asked for must be the certificate's. */
static void check_key_id(const struct gather *g, const struct config_certificate *c,
                         const struct pki_chain *chain)
{
	const struct conf_node *at =
	        g->node && g->node->parent ? conf_node_find(g->node->parent, "key_id") : NULL;
	char hex[2 * CONFIG_KEY_ID + 1];

	(void)hex_text(chain->key_id, sizeof(chain->key_id), hex);
	if (c->key_id[0] && strcmp(hex, c->key_id) != 0)
		(void)conf_errors_add(g->errs, at ? at : g->node, SL_EMISMATCH,
		                      "name the key that the certificate was made for",
		                      "%s has another public key than key_id says", c->certificate);
}

static void gather_certificate(struct gather *g, const struct config_certificate *c)
{
	const struct pki_files files = {
	        .certificate = c->certificate,
	        .private_key = c->private_key,
	        .password_file = c->password_file,
	        .chain = c->chain,
	        .format = (enum pki_format)c->format,
	};
	struct pki_chain *chain;
	struct pki_error err;
	struct buf pem;
	int rc = pki_chain_load(&files, &chain, &err);

	if (rc == SL_ESYS)
		(void)snprintf(err.remedy, sizeof(err.remedy), "%s",
		               "let the user of this process read it (chown sluice), or keep "
		               "certificate and key in files of their own");
	if (rc != 0) {
		pki_refusal(g, &err);
		return;
	}
	notice_validity(g, c->name, chain->leaf);
	check_key_id(g, c, chain);
	rc = complete_chain(g, c, chain);
	if (!config_is_issuer(conf_image_maker_config(g->m), c))
		notice_nameless(g, c->name, chain->leaf);
	if (pki_chain_is_broken(chain))
		conf_errors_notice(g->errs, g->node,
		                   "put the intermediates behind it, each issued by the next",
		                   "the chain of the certificate \"%s\" does not lead on", c->name);
	buf_init(&pem, CONF_RULES_FILE_MAX);
	if (rc == 0)
		rc = pki_chain_write_pem(chain, &pem);
	if (rc == 0)
		rc = add_of(g->m, CONF_SECTION_CERTIFICATE, c->name, &pem);
	check_code(g, rc);
	buf_fini(&pem);
	pki_chain_destroy(chain);
}

/* R93. Out of its time is a notice (above): it may be so later too, and forges nothing then (R153).
 */
static void check_issuer(struct gather *g, const struct config_certificate *c)
{
	char name[CONF_IMAGE_NAME_MAX];
	struct pki_chain *chain;
	struct pki_error err;
	const void *pem;
	size_t len;

	if (!c ||
	    conf_image_maker_section(g->m,
	                             image_section_name(name, CONF_SECTION_CERTIFICATE, c->name),
	                             &pem, &len) != 0 ||
	    pki_chain_parse(c->name, pem, len, &chain, &err) != 0)
		return; /* not read: said already */
	if (pki_issuer_check(chain->leaf, (int64_t)time(NULL)) == SL_EINVAL)
		(void)conf_errors_add(g->errs, g->node, SL_EINVAL,
		                      "name a CA certificate (CA true, key usage keyCertSign)",
		                      "the certificate \"%s\" is no CA: it cannot sign for servers",
		                      c->name);
	pki_chain_destroy(chain);
}

static void gather_ca(struct gather *g, const char *pattern, const char *name, const char *path)
{
	struct pki_error err;
	struct buf pem;

	buf_init(&pem, CONF_RULES_FILE_MAX);
	if (pki_certificates_load_pem(path, &pem, &err) != 0)
		pki_refusal(g, &err);
	else
		check_code(g, add_of(g->m, pattern, name, &pem));
	buf_fini(&pem);
}

/* All CA certificates that were read, for the chains of certificates. NULL: no memory. */
static STACK_OF(X509) * list_cas(const struct gather *g)
{
	const struct config *c = conf_image_maker_config(g->m);
	STACK_OF(X509) *all = sk_X509_new_null();

	for (size_t i = 0; all && i < c->ca_certificates_count; i++) {
		char name[CONF_IMAGE_NAME_MAX];
		STACK_OF(X509) *some = NULL;
		struct pki_error err;
		const void *pem;
		size_t len;

		image_section_name(name, CONF_SECTION_CA_CERTIFICATE, c->ca_certificates[i].name);
		if (conf_image_maker_section(g->m, name, &pem, &len) == 0 &&
		    pki_certificates_parse(name, pem, len, &some, &err) == 0)
			(void)X509_add_certs(all, some, X509_ADD_FLAG_UP_REF);
		sk_X509_pop_free(some, X509_free);
	}
	return all;
}

/* ---- the document's certificates --------------------------------------------------------- */

/* A client policy without a trust store verifies by them. Workers make every store that there is.
 */
static bool wants_default_ca(const struct config *c)
{
	for (size_t i = 0; i < c->profiles_count; i++)
		for (size_t k = 0; k < c->profiles[i].client_policies_count; k++)
			if (!c->profiles[i].client_policies[k].trust_store)
				return true;
	for (size_t i = 0; i < c->trust_stores_count; i++)
		if (c->trust_stores[i].include_default_ca_certificates)
			return true;
	return false;
}

void gather_pki(struct gather *g, const struct conf_node *root)
{
	const struct config *c = conf_image_maker_config(g->m);

	for (size_t i = 0; i < c->ca_certificates_count; i++) {
		g->node = gather_node(root, "ca_certificates", i, "certificate");
		gather_ca(g, CONF_SECTION_CA_CERTIFICATE, c->ca_certificates[i].name,
		          c->ca_certificates[i].certificate);
	}
	g->cas = list_cas(g);
	for (size_t i = 0; i < c->certificates_count; i++) {
		g->node = gather_node(root, "certificates", i, "certificate");
		gather_certificate(g, &c->certificates[i]);
	}
	sk_X509_pop_free(g->cas, X509_free);
	g->cas = NULL;
	for (size_t i = 0; i < c->client_proxies_count; i++) {
		g->node = gather_node(root, "ssl_client_proxies", i, "signing_certificate");
		check_issuer(g, c->client_proxies[i].signing_certificate);
		g->node = gather_node(root, "ssl_client_proxies", i, "successor");
		check_issuer(g, c->client_proxies[i].successor);
	}
	if (wants_default_ca(c)) {
		g->node = conf_node_find(root, "trust_stores");
		gather_ca(g, CONF_SECTION_DEFAULT_CA, "", c->device.default_ca_file);
	}
}
