"""Do real test suites keep their outcomes under the plugin, and what does it find in them?"""
