/* SPDX-License-Identifier: Apache-2.0 */
/* CA certificates that chains of certificates in use need. */
#include <stdio.h>

#include "lib/base/err.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/smsd/object/desk.h"

#define CERT OBJECT_CERTIFICATE
#define CA   OBJECT_CA_CERTIFICATE

/* A change that an object's references need. */
struct use {
	struct desk *d;
	const char *certificate;
	int64_t user;
};

static int take_id(struct store_tx *tx, struct desk *d, const char *name, int64_t *ret_id)
{
	struct object object;
	int rc = object_get_tx(tx, CERT, name, &object, d->problem);

	if (rc == 0) {
		*ret_id = object.id;
		object_fini(&object);
	}
	return rc;
}

/* A proxy that names it; what else it says is not looked at. */
static int put_user(void *arg, struct store_tx *tx)
{
	const struct object_change how = {.actor = &place_actor, .action = "create"};
	struct use *use = arg;
	json_t *body = json_object();
	int64_t id = 0;
	char name[64];
	int rc;

	(void)snprintf(name, sizeof(name), "of %s", use->certificate);
	rc = take_id(tx, use->d, use->certificate, &id);
	if (rc == 0)
		rc = object_create(tx, &how, OBJECT_SERVER_PROXY, name, body, &use->user,
		                   use->d->problem);
	json_decref(body);
	return rc ? rc : object_refer(tx, use->user, id);
}

static int forget(void *arg, struct store_tx *tx)
{
	return object_forget(tx, ((const struct use *)arg)->user);
}

static struct use use(struct desk *d, const char *certificate)
{
	struct use use = {.d = d, .certificate = certificate};

	assert_int_equal(store_write(d->at.store, put_user, &use), 0);
	return use;
}

static void no_longer(struct use *use)
{
	assert_int_equal(store_write(use->d->at.store, forget, use), 0);
}

static int drop_ca(struct desk *d, const char *name)
{
	return certificate_delete(&d->at, &place_actor, CA, name, 1, d->problem);
}

static void drop_refused(struct desk *d, const char *name, const char *user)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "in use by the chain of the certificate \"%s\"", user);
	desk_refused(d, drop_ca(d, name), SL_EBUSY, "", text);
}

static bool is_needed(struct desk *d, X509 *ca)
{
	bool needed = false;

	assert_int_equal(certificate_is_needed(d->at.store, ca, &needed), 0);
	return needed;
}

/* root -> middle -> web, with `second` that nobody uses. */
static void bring(struct desk *d)
{
	assert_int_equal(desk_take_ca(d, "root", desk_pem(NULL, NULL, d->root, NULL), "root"), 0);
	assert_int_equal(desk_take_ca(d, "middle", desk_pem(NULL, NULL, d->middle, NULL), "middle"),
	                 0);
	assert_int_equal(desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "web"), 0);
	assert_int_equal(
	        desk_take(d, "idle", desk_pem(d->second_key, NULL, d->second, NULL), "idle"), 0);
}

static void what_a_chain_in_use_needs_stays(void **state)
{
	struct desk *d = *state;
	struct use web;

	bring(d);
	assert_false(is_needed(d, d->middle));
	web = use(d, "web");
	assert_true(is_needed(d, d->middle));
	assert_true(is_needed(d, d->root));
	assert_false(is_needed(d, d->foreign));
	drop_refused(d, "middle", "web");
	drop_refused(d, "root", "web");
	assert_string_equal(desk_text(d, CERT, "web", "status"), "valid");
	no_longer(&web);
	assert_int_equal(drop_ca(d, "middle"), 0);
	assert_int_equal(drop_ca(d, "root"), 0);
}

/* Each is named, up to a few; what is of another issuer of the same name is not. */
static void every_user_is_named(void **state)
{
	struct desk *d = *state;
	EVP_PKEY *key = make_ec("P-256");
	X509 *namesake = make_ca(d->leaf_key, "Desk Middle", NULL, NULL, -1, 100);
	X509 *stranger = make_cert(key, "stranger.test", NULL, namesake, d->leaf_key, -1, 10);

	bring(d);
	assert_int_equal(desk_take(d, "stranger", desk_pem(key, NULL, stranger, NULL), "stranger"),
	                 0);
	(void)use(d, "stranger");
	assert_false(is_needed(d, d->middle));
	(void)use(d, "web");
	(void)use(d, "idle");
	assert_int_equal(drop_ca(d, "middle"), SL_EBUSY);
	assert_int_equal(d->problem->count, 2);
	assert_non_null(strstr(d->problem->items[0].text, "\"web\""));
	assert_non_null(strstr(d->problem->items[1].text, "\"idle\""));
	assert_non_null(strstr(d->problem->items[1].remedy, "replace it"));
	X509_free(stranger);
	X509_free(namesake);
	EVP_PKEY_free(key);
}

/* Renewed with its key: either may go, not both; one that has ended replaces none that is valid. */
static void another_of_its_key_takes_its_place(void **state)
{
	struct desk *d = *state;
	X509 *renewed = make_ca(d->middle_key, "Desk Middle", d->root, d->root_key, -1, 200);
	X509 *ended = make_ca(d->middle_key, "Desk Middle", d->root, d->root_key, -20, -1);

	bring(d);
	(void)use(d, "web");
	assert_int_equal(desk_take_ca(d, "ended", desk_pem(NULL, NULL, ended, NULL), "ended"), 0);
	drop_refused(d, "middle", "web");
	assert_int_equal(desk_take_ca(d, "renewed", desk_pem(NULL, NULL, renewed, NULL), "renewed"),
	                 0);
	assert_int_equal(drop_ca(d, "ended"), 0);
	assert_int_equal(drop_ca(d, "middle"), 0);
	assert_string_equal(desk_text(d, CERT, "web", "status"), "valid");
	drop_refused(d, "renewed", "web");
	X509_free(renewed);
	X509_free(ended);
}

/* R62: the root of one that signs goes to clients; one that is its own root needs no other. */
static void roots_of_those_that_sign(void **state)
{
	struct desk *d = *state;
	EVP_PKEY *key = make_ec("P-256");
	X509 *signing = make_ca(key, "Signing", d->root, d->root_key, -1, 50);

	assert_int_equal(desk_take_ca(d, "root", desk_pem(NULL, NULL, d->root, NULL), "root"), 0);
	assert_int_equal(desk_take(d, "sign", desk_pem(key, NULL, signing, NULL), "sign"), 0);
	(void)use(d, "sign");
	drop_refused(d, "root", "sign");
	assert_int_equal(
	        desk_take(d, "own", desk_pem(d->second_key, NULL, d->foreign, NULL), "own"), 0);
	assert_int_equal(desk_take_ca(d, "same", desk_pem(NULL, NULL, d->foreign, NULL), "same"),
	                 0);
	(void)use(d, "own");
	assert_int_equal(drop_ca(d, "same"), 0);
	X509_free(signing);
	EVP_PKEY_free(key);
}

static int unindex(void *arg, struct store_tx *tx)
{
	int rc = 0;

	for (int64_t id = 1; rc == 0 && id < 10; id++) {
		const struct store_value values[] = {store_integer(id), store_null()};

		rc = store_tx_run(tx, STORE_KEY_SET_ISSUER, values, 2, NULL, NULL);
	}
	return rc;
}

/* A database of a release that knew no issuers: the start fills them. */
static void rows_of_an_earlier_release(void **state)
{
	struct desk *d = *state;

	bring(d);
	(void)use(d, "web");
	assert_int_equal(store_write(d->at.store, unindex, d), 0);
	assert_false(is_needed(d, d->middle));
	assert_int_equal(certificate_index(d->at.store, d->problem), 0);
	assert_true(is_needed(d, d->middle));
	drop_refused(d, "root", "web");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(what_a_chain_in_use_needs_stays),    TEST(every_user_is_named),
	        TEST(another_of_its_key_takes_its_place), TEST(roots_of_those_that_sign),
	        TEST(rows_of_an_earlier_release),
	};

	return RUN_TESTS(tests);
}
