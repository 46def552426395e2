/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Values that are lists: VLANs, addresses.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "settings.h"
#include "words.h"

static int
vid_read(const char **at, uint64_t *vid)
{
	return pvs_digits_read(*at, vid, at) < 0 || *vid < 1 || *vid > PVN_VID_MAX ? -EINVAL : 0;
}

int
pvs_vlans_read(const struct pvs_word *word, void *field, const char *text)
{
	struct pvn_switch_vlans set = {0};
	uint64_t first, last;

	(void)word;
	if (strcmp(text, "all") == 0) {
		pvn_switch_vlans_add(&set, 1, PVN_VID_MAX);
	} else if (strcmp(text, "none") != 0) {
		for (;; text++) {
			if (vid_read(&text, &first) < 0)
				return -EINVAL;
			last = first;
			if (*text == '-' && (text++, vid_read(&text, &last) < 0 || last < first))
				return -EINVAL;
			pvn_switch_vlans_add(&set, first, last);
			if (*text == '\0')
				break;
			if (*text != ',')
				return -EINVAL;
		}
	}
	memcpy(field, &set, sizeof(set));
	return 0;
}

void
pvs_vlans_print(const struct pvs_word *word, const void *field, FILE *to)
{
	const struct pvn_switch_vlans *set = field;
	const char *before = "";

	(void)word;
	for (unsigned int first = 1, last; first <= PVN_VID_MAX; first = last + 1) {
		last = first;
		if (!pvn_switch_vlans_has(set, first))
			continue;
		while (last < PVN_VID_MAX && pvn_switch_vlans_has(set, last + 1))
			last++;
		fprintf(to, last > first ? "%s%u-%u" : "%s%u", before, first, last);
		before = ",";
	}
	if (before[0] == '\0')
		fputs("none", to);
}

int
pvs_mac_read(const char *text, uint64_t *mac, const char **end)
{
	uint8_t bytes[6];

	for (int i = 0; i < 6; i++, text += 3) {
		unsigned int byte;

		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    (i < 5 && text[2] != ':') || sscanf(text, "%2x", &byte) != 1)
			return -EINVAL;
		bytes[i] = byte;
	}
	*end = text - 1;
	*mac = pvn_mac_from_bytes(bytes);
	return *mac == 0 || (*mac & PVN_MAC_GROUP) != 0 ? -EINVAL : 0;
}

void
pvs_mac_print(uint64_t mac, char *text)
{
	uint8_t b[6];

	pvn_mac_to_bytes(mac, b);
	snprintf(text, PVS_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
		 b[5]);
}

static int
mac_list_read(struct pvs_settings *set, const char *text)
{
	uint64_t macs[PVN_SWITCH_MACS_MAX];
	uint32_t count = 0;

	for (;; text++) {
		if (count == PVN_SWITCH_MACS_MAX || pvs_mac_read(text, &macs[count], &text) < 0)
			return -EINVAL;
		count++;
		if (*text == '\0')
			break;
		if (*text != ',')
			return -EINVAL;
	}
	set->switch_.mac_count = count;
	memcpy(set->switch_.macs, macs, count * sizeof(macs[0]));
	return 0;
}

int
pvs_macs_read(const struct pvs_word *word, void *field, const char *text)
{
	struct pvs_settings *set = field;
	const bool any = strcmp(text, "any") == 0;

	(void)word;
	if (!any && strcmp(text, "own") != 0) {
		if (mac_list_read(set, text) < 0)
			return -EINVAL;
	} else {
		set->switch_.mac_count = 0;
	}
	set->any_mac = any;
	return 0;
}

void
pvs_macs_print(const struct pvs_word *word, const void *field, FILE *to)
{
	const struct pvs_settings *set = field;
	char text[PVS_MAC_TEXT];

	(void)word;
	if (set->any_mac || set->switch_.mac_count == 0) {
		fputs(set->any_mac ? "any" : "own", to);
		return;
	}
	for (uint32_t i = 0; i < set->switch_.mac_count; i++) {
		pvs_mac_print(set->switch_.macs[i], text);
		fprintf(to, "%s%s", i > 0 ? "," : "", text);
	}
}
