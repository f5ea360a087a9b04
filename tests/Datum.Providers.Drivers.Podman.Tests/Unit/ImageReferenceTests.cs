using Datum.Providers.Drivers.Podman.Instances;

namespace Datum.Providers.Drivers.Podman.Tests.Unit;

[TestFixture]
public sealed class ImageReferenceTests
{
    [TestCase("nginx", "docker.io/library/nginx:latest")]
    [TestCase("nginx:latest", "docker.io/library/nginx:latest")]
    [TestCase("bitnami/redis:7", "docker.io/bitnami/redis:7")]
    [TestCase("docker.io/nginx:1", "docker.io/library/nginx:1")]
    [TestCase("quay.io/a/b/c", "quay.io/a/b/c:latest")]
    [TestCase("localhost/x:1", "localhost/x:1")]
    [TestCase("localhost:5000/x", "localhost:5000/x:latest")]
    [TestCase("ghcr.io/a/b:1@sha256:0123", "ghcr.io/a/b@sha256:0123")]
    [TestCase("nginx@sha256:0123", "docker.io/library/nginx@sha256:0123")]
    public void A_reference_is_read_as_docker_hubs_clients_read_it(string text, string expected) =>
        Assert.That(ImageReference.Normalize(text), Is.EqualTo(expected));

    [TestCase("")]
    [TestCase("two words")]
    [TestCase("https://quay.io/a")]
    [TestCase("nginx:")]
    [TestCase("nginx@")]
    [TestCase("UPPER/case")]
    public void Text_that_is_no_reference_is_refused(string text) => Assert.That(ImageReference.Normalize(text), Is.Null);
}
