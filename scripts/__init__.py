"""What ``build.sh`` does: tools, steps, the page's wheel, the site, its server, the checks."""
