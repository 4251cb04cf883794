# SPDX-License-Identifier: LGPL-2.1-or-later
# Parses the output of gst-inspect-1.0 for Penstock's plugins.
import os
import pathlib
import re
import subprocess


def inspect(name, *options):
    """The text of gst-inspect-1.0, None if there is no such plugin or element."""
    done = subprocess.run(['gst-inspect-1.0', '--no-colors', *options, name], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    return done.stdout if done.returncode == 0 else None


def our_plugins():
    """Names of the plugins in GST_PLUGIN_PATH."""
    names = []
    for directory in os.environ.get('GST_PLUGIN_PATH', '').split(':'):
        if directory:
            for path in sorted(pathlib.Path(directory).glob('libgstpenstock*.so')):
                names.append(path.name[len('libgst'):-len('.so')])
    return names


def our_elements():
    names = []
    for plugin in our_plugins():
        # A plugin and an element may have the same name.
        text = inspect(plugin, '--plugin')
        if text is None:
            raise SystemExit(f'the plugin {plugin} does not load')
        names += re.findall(r'(?m)^  ([a-z0-9]+): ', text)
    return names
