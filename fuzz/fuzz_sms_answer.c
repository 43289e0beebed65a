/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: an SMS's answer, to each call of a device. The first byte is the call, the second
 * whether it is a refusal; the rest is the body. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "tpsd/link/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a call's answer of bytes is read by. */
static void read_bytes(enum remote_call_id id, const uint8_t *data, size_t len)
{
	char words[ANSWER_TEXT_MAX];
	struct wanted_file *files;
	struct remote_keys keys;
	struct answer_key key;
	size_t count;

	if (id == REMOTE_FILES && answer_files(data, len, &files, &count) == 0)
		free(files);
	if (id != REMOTE_KEYS || remote_keys_begin(data, len, &keys) != 0)
		return;
	while (answer_key(&keys, &key) == 0)
		answer_words((const char *)key.key.bytes, key.key.len, words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum remote_call_id id;
	struct answer answer;
	struct wanted wanted;
	uint64_t number;
	char *steps;

	if (size < 2)
		return 0;
	id = data[0] % REMOTE_CALL_END;
	answer_read(id, data[1] & 1 ? 200 : 403, data + 2, size - 2, &answer);
	if (answer.value) {
		(void)!answer_wanted(answer.value, &wanted);
		if (answer_panic(answer.value, 1, &number, &steps) == 0)
			free(steps);
	} else if (answer.status == 0) {
		read_bytes(id, data + 2, size - 2);
	}
	answer_fini(&answer);
	return 0;
}
