/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Each setting has a reader, which checks what a person wrote and makes the node's text of it.
 */
#include "ctl.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenvirt.h>

#define VLAN_MAX 4094
#define RATE_MIN 8ull
#define RATE_MAX 1000000000000ull

typedef int reader(const char *text, char *value, size_t size);

/* Six pairs of digits with colons between them, and nothing else. */
static bool
parse_mac(const char *text, unsigned char *bytes)
{
	for (int i = 0; i < 18; i++) {
		bool colon = i % 3 == 2 && i < 17;

		if (i == 17 ? text[i] != '\0'
			    : (colon ? text[i] != ':' : !isxdigit((unsigned char)text[i])))
			return false;
	}
	for (int i = 0; i < 6; i++)
		bytes[i] = strtoul(text + 3 * i, NULL, 16);
	return true;
}

static int
read_mac(const char *text, char *value, size_t size)
{
	unsigned char b[6];

	if (!parse_mac(text, b))
		return ctl_fail("mac '%s': expected six pairs of hexadecimal digits, like "
				"00:16:3e:12:34:56",
				text);
	if ((b[0] & 1) != 0)
		return ctl_fail("mac %s is a group address: expected an address of one port, its "
				"first byte is even",
				text);
	if ((b[0] | b[1] | b[2] | b[3] | b[4] | b[5]) == 0)
		return ctl_fail("mac %s is no address: choose one, like 00:16:3e:12:34:56", text);
	snprintf(value, size, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
	return 0;
}

static int
read_mac_check(const char *text, char *value, size_t size)
{
	bool on = strcmp(text, "on") == 0;

	if (!on && strcmp(text, "off") != 0)
		return ctl_fail("mac-check '%s': expected on or off", text);
	snprintf(value, size, "%d", on);
	return 0;
}

static int
read_number(const char *what, const char *text, unsigned long min, unsigned long max, char *value,
	    size_t size)
{
	unsigned long number;
	int ret = ctl_number(what, text, min, max, &number);

	if (ret == 0)
		snprintf(value, size, "%lu", number);
	return ret;
}

static int
read_mtu(const char *text, char *value, size_t size)
{
	return read_number("mtu", text, XENVIRT_MTU_MIN, XENVIRT_MTU_MAX, value, size);
}

static int
read_queues(const char *text, char *value, size_t size)
{
	return read_number("queues", text, 1, XENVIRT_QUEUES_MAX, value, size);
}

static int
read_vlan(const char *text, char *value, size_t size)
{
	return read_number("vlan", text, 1, VLAN_MAX, value, size);
}

/* 1000 for K, its square for M, ...; 0 if it is none of them. */
static unsigned long long
factor(const char *suffix)
{
	static const char letters[] = "KMG";
	unsigned long long result = 1000;

	if (suffix[0] == '\0')
		return 1;
	for (size_t i = 0; letters[i] != '\0'; i++, result *= 1000)
		if (toupper((unsigned char)suffix[0]) == letters[i] && suffix[1] == '\0')
			return result;
	return 0;
}

static int
read_rate(const char *text, char *value, size_t size)
{
	unsigned long long number, times = 0;
	char *end = NULL;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (isdigit((unsigned char)text[0]) && errno == 0)
		times = factor(end);
	if (times == 0 || number > RATE_MAX / times || (number != 0 && number * times < RATE_MIN))
		return ctl_fail("rate '%s': expected bits per second in %llu..1000G, like 500M or "
				"10G (K, M and G are 1000 of the next smaller), or 0 for no limit",
				text, RATE_MIN);
	snprintf(value, size, "%llu", number * times);
	return 0;
}

static const char *const names[] = {
#define SETTING_NAME(id, name, metavar, help) name,
	CTL_SETTINGS(SETTING_NAME)
#undef SETTING_NAME
};

/* What it is for the back end if the node is not there: as drivers take it. */
static const struct {
	reader *read;
	const char *missing;
} table[] = {
	[SETTING_MAC] = {read_mac, ""},	    [SETTING_MAC_CHECK] = {read_mac_check, "1"},
	[SETTING_MTU] = {read_mtu, "1500"}, [SETTING_QUEUES] = {read_queues, "16"},
	[SETTING_RATE] = {read_rate, "0"},  [SETTING_VLAN] = {read_vlan, ""},
};

const char *
setting_name(enum setting which)
{
	return names[which];
}

enum setting
setting_find(const char *name)
{
	unsigned int i = 0;

	while (i < SETTING_COUNT && strcmp(names[i], name) != 0)
		i++;
	return (enum setting)i;
}

int
setting_take(struct settings *settings, enum setting which, const char *text)
{
	return table[which].read(text, settings->value[which], sizeof(settings->value[which]));
}

static const char *
effective(const struct settings *settings, unsigned int which)
{
	const char *value = settings->value[which];

	return value[0] != '\0' ? value : table[which].missing;
}

enum setting
settings_compare(const struct settings *a, const struct settings *b)
{
	unsigned int i = 0;

	while (i < SETTING_COUNT && strcmp(effective(a, i), effective(b, i)) == 0)
		i++;
	return (enum setting)i;
}

static const char *
show_rate(const char *value, char *buf, unsigned int size)
{
	static const char letters[] = " KMG";
	unsigned long long rate = strtoull(value, NULL, 10);
	unsigned int i = 0;

	if (rate == 0)
		return "-";
	while (rate % 1000 == 0 && i < 3) {
		rate /= 1000;
		i++;
	}
	snprintf(buf, size, i == 0 ? "%llu" : "%llu%c", rate, letters[i]);
	return buf;
}

const char *
setting_show(const struct settings *settings, enum setting which, char *buf, unsigned int size)
{
	const char *value = settings->value[which];

	if (value[0] == '\0')
		return "-";
	if (which == SETTING_RATE)
		return show_rate(value, buf, size);
	if (which == SETTING_MAC_CHECK)
		return value[0] == '0' ? "off" : "on";
	return value;
}
