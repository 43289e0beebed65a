/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The revocation lists that trust stores name (R88), read into sections of an image, and what there
 * is to say of each beside the CA certificates of its store.
 */
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/image_priv.h"
#include "lib/conf/node.h"
#include "lib/pki/cert.h"
#include "lib/pki/crl.h"

/* ---- what there is to say ---------------------------------------------------------------- */

static int add_section(const struct gather *g, const char *pattern, const char *what,
                       X509_STORE *store)
{
	char name[CONF_IMAGE_NAME_MAX];
	struct pki_error err;
	const void *pem;
	size_t len;

	if (conf_image_maker_section(g->m, image_section_name(name, pattern, what), &pem, &len) !=
	    0)
		return 0; /* not read: said already */
	return pki_store_add_pem(store, what, pem, len, NULL, &err);
}

/* The CA certificates of a trust store, those that could be read. NULL: no memory. */
static X509_STORE *open_store(const struct gather *g, const struct config_trust_store *t)
{
	X509_STORE *store = X509_STORE_new();
	int rc = store ? 0 : SL_ENOMEM;

	for (size_t i = 0; rc == 0 && i < t->ca_certificates_count; i++)
		rc = add_section(g, CONF_SECTION_CA_CERTIFICATE, t->ca_certificates[i]->name,
		                 store);
	if (rc == 0 && t->include_default_ca_certificates)
		rc = add_section(g, CONF_SECTION_DEFAULT_CA, "", store);
	if (rc == 0)
		return store;
	X509_STORE_free(store);
	return NULL;
}

static void notice_state(const struct gather *g, const char *path, X509_CRL *crl, X509_STORE *store)
{
	static const struct {
		const char *text, *remedy;
	} states[] = {
	        [PKI_CRL_EXPIRED] = {"has expired: whom it names is revoked, and nobody else is "
	                             "known not to be",
	                             "bring a new one, then tps config reload"},
	        [PKI_CRL_NOT_YET_VALID] = {"is not yet valid", "check the clock, or wait"},
	        [PKI_CRL_UNKNOWN_ISSUER] =
	                {"is of no CA of this trust store: it counts where a server sends that CA",
	                 "name its CA in ca_certificates, unless it is an intermediate that "
	                 "servers send"},
	        [PKI_CRL_OTHER_KEY] = {"is not signed by the CA of that name in this trust store",
	                               "check that list and CA certificate belong together"},
	};
	enum pki_crl_state state = pki_crl_state(crl, store, (int64_t)time(NULL));
	char issuer[PKI_SUBJECT_MAX];

	if (state != PKI_CRL_GOOD)
		conf_errors_notice(g->errs, g->node, states[state].remedy,
		                   "%s: the revocation list of \"%s\" %s", path,
		                   pki_crl_issuer(crl, issuer), states[state].text);
}

/* ---- reading ----------------------------------------------------------------------------- */

static int add_lists(struct gather *g, const char *path, STACK_OF(X509_CRL) * crls)
{
	char name[CONF_IMAGE_NAME_MAX];
	struct buf der;
	int rc;

	buf_init(&der, CONF_CRLS_MAX);
	rc = pki_crls_write_der(crls, &der);
	if (rc == 0)
		rc = conf_image_add(g->m, image_section_name(name, CONF_SECTION_CRLS, path),
		                    der.data, der.len);
	buf_fini(&der);
	if (rc == SL_EEXIST)
		return 0; /* another trust store names it too */
	if (rc != 0)
		(void)conf_errors_add(g->errs, g->node, rc, "", "%s: the lists are not taken: %s",
		                      path, err_text(rc));
	return rc;
}

/* What the stores ask workers to keep: a file counts for each store that names it. */
static int count_bytes(struct gather *g, const char *path, size_t *total)
{
	char name[CONF_IMAGE_NAME_MAX];
	const void *der;
	size_t len;

	if (conf_image_maker_section(g->m, image_section_name(name, CONF_SECTION_CRLS, path), &der,
	                             &len) != 0)
		return SL_ENOENT;
	if (len <= CONF_CRLS_MAX - *total) {
		*total += len;
		return 0;
	}
	return conf_errors_add(g->errs, g->node, SL_ELIMIT,
	                       "leave out the lists of CAs whose servers nobody asks for",
	                       "%s: the revocation lists of all trust stores come to more than %d "
	                       "MiB with it",
	                       path, CONF_CRLS_MAX / (1024 * 1024));
}

static void gather_file(struct gather *g, const char *path, X509_STORE *store, size_t *total)
{
	STACK_OF(X509_CRL) *crls = NULL;
	struct pki_error err;

	if (pki_crls_load(path, &crls, &err) != 0) {
		(void)conf_errors_add(g->errs, g->node, err.code, err.remedy, "%s", err.text);
		return;
	}
	if (add_lists(g, path, crls) == 0 && count_bytes(g, path, total) == 0)
		for (int i = 0; i < sk_X509_CRL_num(crls); i++)
			notice_state(g, path, sk_X509_CRL_value(crls, i), store);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
}

/* The node of item `index` of the list at `list`, or that list. */
static const struct conf_node *item_node(const struct conf_node *list, size_t index)
{
	const struct conf_node *node = list ? list->child : NULL;

	for (; node && index > 0; index--)
		node = node->next;
	return node ? node : list;
}

void gather_crls(struct gather *g, const struct conf_node *root)
{
	const struct config *c = conf_image_maker_config(g->m);
	size_t total = 0;

	for (size_t i = 0; i < c->trust_stores_count; i++) {
		const struct config_trust_store *t = &c->trust_stores[i];
		const struct conf_node *list = gather_node(root, "trust_stores", i, "crls");
		X509_STORE *store = t->crls.count ? open_store(g, t) : NULL;

		g->node = list;
		if (t->crls.count && !store)
			(void)conf_errors_add(g->errs, list, SL_ENOMEM, "", "out of memory");
		for (size_t k = 0; store && k < t->crls.count; k++) {
			g->node = item_node(list, k);
			gather_file(g, t->crls.items[k], store, &total);
		}
		X509_STORE_free(store);
	}
}
