// SPDX-License-Identifier: LGPL-2.1-or-later
// Built only for the precompiled header that belongs to it.
int main() {
    return 0;
}
