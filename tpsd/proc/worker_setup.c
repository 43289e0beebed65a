/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's setup of a revision, from what the image has: certificates, stores, lists, rules. */
#include "lib/conf/config.h"
#include "lib/conf/image.h"
#include "lib/pki/cert.h"
#include "lib/pki/crl.h"
#include "tpsd/inspect/engine.h"
#include "tpsd/policy/domain.h"
#include "tpsd/proc/shell.h"
#include "tpsd/proc/worker_priv.h"

/* The parts of a revision that are in the image. */
struct source {
	struct proc *proc;
	const struct conf_image *image;
	struct config *config;
	struct pki_chain *chain; /* of the certificate being made */
};

static int give_certificate(void *arg, uint32_t index, X509 **ret_leaf, STACK_OF(X509) * *ret_chain)
{
	struct source *s = arg;
	const char *name = s->config->certificates[index].name;
	struct pki_error err;
	const void *pem;
	size_t len;
	int rc = conf_image_section_of(s->image, CONF_SECTION_CERTIFICATE, name, &pem, &len);

	pki_chain_destroy(s->chain);
	s->chain = NULL;
	if (rc == 0)
		rc = pki_chain_parse(name, pem, len, &s->chain, &err);
	if (rc != 0)
		return rc;
	*ret_leaf = s->chain->leaf;
	*ret_chain = s->chain->intermediates;
	return 0;
}

static int add_section(const struct conf_image *image, const char *pattern, const char *name,
                       X509_STORE *store)
{
	struct pki_error err;
	const void *pem;
	size_t len;
	int rc = conf_image_section_of(image, pattern, name, &pem, &len);

	return rc == 0 ? pki_store_add_pem(store, name, pem, len, NULL, &err) : rc;
}

static int add_crls(const struct conf_image *image, const char *path, X509_STORE *store)
{
	struct pki_error err;
	const void *der;
	size_t len;
	int rc = conf_image_section_of(image, CONF_SECTION_CRLS, path, &der, &len);

	return rc == 0 ? pki_store_add_crls(store, path, der, len, &err) : rc;
}

static int give_trust_store(void *arg, uint32_t index, X509_STORE *store)
{
	struct source *s = arg;
	const struct config_trust_store *t = &s->config->trust_stores[index];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->ca_certificates_count; i++)
		rc = add_section(s->image, CONF_SECTION_CA_CERTIFICATE, t->ca_certificates[i]->name,
		                 store);
	if (rc == 0 && t->include_default_ca_certificates)
		rc = add_section(s->image, CONF_SECTION_DEFAULT_CA, "", store);
	for (size_t i = 0; rc == 0 && i < t->crls.count; i++) {
		rc = add_crls(s->image, t->crls.items[i], store);
		shell_heartbeat(s->proc); /* megabytes of them take their time */
	}
	return rc;
}

static int give_default_trust(void *arg, X509_STORE *store)
{
	struct source *s = arg;

	return add_section(s->image, CONF_SECTION_DEFAULT_CA, "", store);
}

static int give_decryption(void *arg, const struct config_decryption_policy *policy,
                           struct decryption **ret)
{
	struct source *s = arg;

	return decryption_create(s->image, policy, ret);
}

static int give_inspector(void *arg, const struct config_profile *profile, struct inspector **ret)
{
	struct source *s = arg;

	return engine_inspector_create(s->image, s->config, profile, ret);
}

/* Every worker would say the same: the first one does. Refusals count from all of them. */
static void give_item(void *arg, int status, const char *path, const char *text, const char *remedy)
{
	struct source *s = arg;

	if (status != 0 || s->proc->index == 0)
		proc_refuse_item(s->proc, status, path, text, remedy);
}

int worker_make_setup(struct worker *w, uint32_t revision, const struct conf_image *image,
                      struct config *config, struct setup **ret_setup)
{
	struct source source = {.proc = w->proc, .image = image, .config = config};
	const struct setup_source from = {.certificate = give_certificate,
	                                  .trust_store = give_trust_store,
	                                  .default_trust = give_default_trust,
	                                  .decryption = give_decryption,
	                                  .inspector = give_inspector,
	                                  .item = give_item,
	                                  .arg = &source};
	int rc = setup_create(config, revision, host_capability(w->host), host_keyprov(w->host),
	                      &from, ret_setup);

	pki_chain_destroy(source.chain);
	return rc;
}
