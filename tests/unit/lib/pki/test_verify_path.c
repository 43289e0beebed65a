/* SPDX-License-Identifier: Apache-2.0 */
/* Paths: which certificates a server shows, in which order, and which ways lead up from them. */
#include <openssl/x509v3.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/pki/cert.h"
#include "lib/pki/verify.h"
#include "tests/unit/lib/pki/site.h"
#include "tests/unit/unit.h"

enum { DAY = 86400 };

#define assert_fault(site, NAME)                                                                   \
	assert_string_equal(pki_fault_name(site_verify(site)), pki_fault_name(PKI_FAULT_##NAME))

/* An intermediate above the one there is, "Upper", signed as `spec` says; below it all anew. */
static X509 *add_upper(struct site *s)
{
	struct make_spec upper = site_middle(s);
	struct make_spec middle = site_middle(s);

	upper.common_name = "Upper";
	upper.key = s->other_key;
	middle.issuer = site_make(s, &upper);
	middle.issuer_key = s->other_key;
	site_set_middle(s, &middle);
	return middle.issuer;
}

static void intermediates_may_come_in_any_order_with_others_between(void **state)
{
	struct make_spec stray;
	struct site s;
	X509 *upper;

	site_open(&s);
	upper = add_upper(&s);
	stray = site_root(&s);
	stray.common_name = "Stray";
	assert_fault(&s, UNKNOWN_ISSUER);
	site_show(&s, s.middle, upper, NULL);
	assert_fault(&s, NONE);
	site_show(&s, s.root, upper, s.middle, NULL);
	assert_fault(&s, NONE);
	site_show(&s, site_make(&s, &stray), upper, s.v.leaf, s.middle, upper, NULL);
	assert_fault(&s, NONE);
	site_close(&s);
}

static void no_chain_at_all_is_a_chain_of_none(void **state)
{
	struct site s;
	STACK_OF(X509) * chain;

	site_open(&s);
	chain = s.v.chain;
	s.v.chain = NULL;
	assert_fault(&s, UNKNOWN_ISSUER);
	site_trust(&s, s.middle, s.root, NULL);
	assert_fault(&s, NONE);
	s.v.chain = chain;
	site_close(&s);
}

/* The same intermediate, made by a root that nobody trusts. */
static X509 *made_by_a_stranger(struct site *s, struct make_spec spec)
{
	struct make_spec stranger = site_root(s);

	stranger.common_name = "Stranger";
	stranger.key = s->other_key;
	spec.issuer = site_make(s, &stranger);
	spec.issuer_key = s->other_key;
	return site_make(s, &spec);
}

static void of_two_intermediates_for_one_key_the_trusted_one_is_found(void **state)
{
	struct site s;
	X509 *other;

	site_open(&s);
	other = made_by_a_stranger(&s, site_middle(&s));
	site_show(&s, other, NULL);
	assert_fault(&s, UNKNOWN_ISSUER);
	site_show(&s, other, s.middle, NULL);
	assert_fault(&s, NONE);
	site_show(&s, s.middle, other, NULL);
	assert_fault(&s, NONE);
	site_close(&s);
}

static void a_cross_signed_root_that_is_trusted_itself_ends_the_path(void **state)
{
	struct site s;
	X509 *cross;

	site_open(&s);
	cross = made_by_a_stranger(&s, site_root(&s));
	site_show(&s, s.middle, cross, NULL);
	assert_fault(&s, NONE);
	site_close(&s);
}

static void an_expired_way_up_is_left_for_one_that_is_not(void **state)
{
	struct make_spec expired;
	struct site s;
	X509 *old_root;

	site_open(&s);
	expired = site_root(&s);
	expired.from = -10;
	expired.to = -1;
	old_root = site_make(&s, &expired);
	site_trust(&s, old_root, s.root, NULL);
	assert_fault(&s, NONE);

	expired = site_middle(&s);
	expired.from = -10;
	expired.to = -1;
	site_show(&s, site_make(&s, &expired), s.middle, NULL);
	assert_fault(&s, NONE);
	site_close(&s);
}

static void a_weakly_signed_way_up_is_left_for_one_that_is_not(void **state)
{
	struct make_spec weak;
	struct site s;

	site_open(&s);
	weak = site_middle(&s);
	weak.md = EVP_sha1();
	site_show(&s, site_make(&s, &weak), s.middle, NULL);
	assert_fault(&s, NONE);
	site_show(&s, site_make(&s, &weak), NULL);
	assert_fault(&s, WEAK_DIGEST);
	site_close(&s);
}

/* A CA that took a new key under its old name, with nothing that says which key signed. */
static void of_two_issuers_of_one_name_the_one_whose_key_signed_is_found(void **state)
{
	struct make_spec old;
	struct make_spec leaf;
	struct site s;
	X509 *other;

	site_open(&s);
	old = site_middle(&s);
	old.key = s.other_key;
	old.no_key_ids = true;
	other = site_make(&s, &old);
	leaf = site_leaf(&s);
	leaf.no_key_ids = true;
	site_set_leaf(&s, &leaf);
	site_show(&s, other, s.middle, NULL);
	assert_fault(&s, NONE);
	site_show(&s, s.middle, other, NULL);
	assert_fault(&s, NONE);
	site_show(&s, other, NULL);
	assert_fault(&s, BAD_SIGNATURE);
	site_close(&s);
}

static void of_two_trusted_appliances_with_one_name_each_is_trusted(void **state)
{
	struct make_spec spec;
	struct site s;
	X509 *one;
	X509 *two;

	site_open(&s);
	spec = site_leaf(&s);
	spec.issuer = NULL;
	one = site_make(&s, &spec);
	spec.key = s.other_key;
	two = site_make(&s, &spec);
	site_show(&s, NULL);
	site_trust(&s, one, two, NULL);
	s.v.leaf = one;
	assert_fault(&s, NONE);
	s.v.leaf = two;
	assert_fault(&s, NONE);
	site_trust(&s, one, NULL);
	assert_fault(&s, SELF_SIGNED);
	site_close(&s);
}

static void what_no_other_way_mends_keeps_its_fault(void **state)
{
	struct make_spec leaf;
	struct site s;
	X509 *other;

	site_open(&s);
	leaf = site_leaf(&s);
	leaf.extended = "clientAuth";
	site_set_leaf(&s, &leaf);
	other = made_by_a_stranger(&s, site_middle(&s));
	site_show(&s, other, s.middle, NULL);
	assert_fault(&s, PURPOSE);
	site_close(&s);
}

/* A server that shows a maze: each of its CAs has issued each other. */
static void a_maze_of_issuers_ends(void **state)
{
	enum { ROOMS = 60 };
	struct site s;
	struct make_spec room;
	X509 *first;

	site_open(&s);
	room = site_middle(&s);
	room.key = s.other_key;
	room.common_name = "Maze";
	room.no_key_ids = true;
	room.issuer = NULL;
	first = site_make(&s, &room);
	room.issuer = first;
	room.issuer_key = s.other_key;
	site_show(&s, NULL);
	for (int i = 0; i < ROOMS; i++)
		assert_true(sk_X509_push(s.v.chain, site_make(&s, &room)));
	room = site_leaf(&s);
	room.issuer = first;
	room.issuer_key = s.other_key;
	site_set_leaf(&s, &room);
	assert_int_not_equal(site_verify(&s), PKI_FAULT_NONE);
	site_close(&s);
}

static void a_path_longer_than_any_real_one_is_not_followed(void **state)
{
	struct make_spec spec;
	struct site s;

	site_open(&s);
	site_show(&s, NULL);
	spec = site_middle(&s);
	for (int i = 0; i < 12; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "CA %d", i);
		spec.common_name = name;
		spec.issuer = site_make(&s, &spec);
		spec.issuer_key = s.middle_key;
		assert_true(sk_X509_push(s.v.chain, spec.issuer));
	}
	spec.common_name = "www.a.test";
	spec.basic = NULL;
	spec.names = "DNS:www.a.test";
	site_set_leaf(&s, &spec);
	assert_fault(&s, UNKNOWN_ISSUER);
	site_close(&s);
}

/* ---- beside the fault -------------------------------------------------------------------- */

static void the_verdict_says_which_certificate_is_at_fault(void **state)
{
	struct pki_verdict verdict;
	struct make_spec spec;
	struct site s;

	site_open(&s);
	spec = site_middle(&s);
	spec.from = -10;
	spec.to = -1;
	site_set_middle(&s, &spec);
	pki_verify_chain(&s.v, &verdict);
	assert_int_equal(verdict.fault, PKI_FAULT_EXPIRED);
	assert_int_equal(verdict.depth, 1);
	assert_int_equal(verdict.x509_error, X509_V_ERR_CERT_HAS_EXPIRED);
	site_close(&s);
}

static int64_t days_until(const struct site *s)
{
	struct pki_verdict verdict;

	pki_verify_chain(&s->v, &verdict);
	return (verdict.until - time(NULL) + DAY / 2) / DAY;
}

static void the_verdict_holds_until_the_first_date_that_may_change_it(void **state)
{
	struct make_spec spec;
	struct site s;

	site_open(&s);
	assert_int_equal(days_until(&s), 30);
	spec = site_middle(&s);
	spec.from = -1;
	spec.to = 20;
	site_set_middle(&s, &spec);
	assert_int_equal(days_until(&s), 20);
	site_trust_crl(&s, make_crl(s.root, s.root_key, NULL, 5));
	assert_int_equal(days_until(&s), 5);
	site_staple(&s, s.middle, s.middle_key, 0, 3);
	assert_int_equal(days_until(&s), 3);
	spec = site_leaf(&s);
	spec.from = 2;
	spec.to = 25;
	site_set_leaf(&s, &spec);
	assert_int_equal(days_until(&s), 2);
	site_close(&s);
}

static void dates_are_taken_at_the_time_asked_for(void **state)
{
	struct site s;

	site_open(&s);
	s.v.now = time(NULL) + 31 * DAY;
	assert_fault(&s, EXPIRED);
	s.v.now = time(NULL) - 2 * DAY;
	assert_fault(&s, NOT_YET_VALID);
	s.v.now = time(NULL) + 29 * DAY;
	assert_fault(&s, NONE);
	site_close(&s);
}

static void without_a_name_none_is_checked(void **state)
{
	struct site s;

	site_open(&s);
	s.v.name = "";
	assert_fault(&s, NONE);
	s.v.name = "www.a.test/x";
	assert_fault(&s, NAME_MISMATCH);
	site_close(&s);
}

static void a_chains_print_is_of_all_its_certificates_in_order(void **state)
{
	uint8_t one[PKI_PRINT_LEN];
	uint8_t two[PKI_PRINT_LEN];
	struct site s;

	site_open(&s);
	site_show(&s, s.middle, s.root, NULL);
	assert_int_equal(pki_chain_print(s.v.leaf, s.v.chain, one), 0);
	assert_int_equal(pki_chain_print(s.v.leaf, s.v.chain, two), 0);
	assert_memory_equal(one, two, sizeof(one));
	site_show(&s, s.root, s.middle, NULL);
	assert_int_equal(pki_chain_print(s.v.leaf, s.v.chain, two), 0);
	assert_memory_not_equal(one, two, sizeof(one));
	assert_int_equal(pki_chain_print(s.v.leaf, NULL, two), 0);
	assert_memory_not_equal(one, two, sizeof(one));
	site_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(intermediates_may_come_in_any_order_with_others_between),
	        cmocka_unit_test(no_chain_at_all_is_a_chain_of_none),
	        cmocka_unit_test(of_two_intermediates_for_one_key_the_trusted_one_is_found),
	        cmocka_unit_test(a_cross_signed_root_that_is_trusted_itself_ends_the_path),
	        cmocka_unit_test(an_expired_way_up_is_left_for_one_that_is_not),
	        cmocka_unit_test(a_weakly_signed_way_up_is_left_for_one_that_is_not),
	        cmocka_unit_test(of_two_issuers_of_one_name_the_one_whose_key_signed_is_found),
	        cmocka_unit_test(of_two_trusted_appliances_with_one_name_each_is_trusted),
	        cmocka_unit_test(what_no_other_way_mends_keeps_its_fault),
	        cmocka_unit_test(a_maze_of_issuers_ends),
	        cmocka_unit_test(a_path_longer_than_any_real_one_is_not_followed),
	        cmocka_unit_test(the_verdict_says_which_certificate_is_at_fault),
	        cmocka_unit_test(the_verdict_holds_until_the_first_date_that_may_change_it),
	        cmocka_unit_test(dates_are_taken_at_the_time_asked_for),
	        cmocka_unit_test(without_a_name_none_is_checked),
	        cmocka_unit_test(a_chains_print_is_of_all_its_certificates_in_order),
	};

	return RUN_TESTS(tests);
}
