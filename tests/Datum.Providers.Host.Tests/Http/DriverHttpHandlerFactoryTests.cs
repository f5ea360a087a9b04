using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Datum.Providers.Host.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Tests.Http;

public sealed class DriverHttpHandlerFactoryTests
{
    [Test]
    public async Task A_unix_endpoint_is_reached_through_its_socket_whatever_the_host_name_says()
    {
        var socket = Path.Combine(Path.GetTempPath(), $"datum-{Guid.NewGuid():N}.sock");
        await using var server = await StartAsync(k => k.ListenUnixSocket(socket));
        using var handler = DriverHttpHandlerFactory.Create(new DriverHttpOptions { DriverId = "unix-test", Endpoint = new Uri("unix://" + socket) });
        using var client = new HttpClient(handler, disposeHandler: false);
        Assert.That(await client.GetStringAsync(new Uri("http://nowhere.invalid/hello")), Is.EqualTo("hello"));
    }

    [Test]
    public async Task Redirects_are_not_followed_and_cookies_are_not_kept()
    {
        await using var server = await StartAsync(k => k.Listen(IPAddress.Loopback, 0));
        using var handler = DriverHttpHandlerFactory.Create(new DriverHttpOptions { DriverId = "plain-test" });
        using var client = new HttpClient(handler, disposeHandler: false) { BaseAddress = new Uri(server.Urls.Single()) };
        using var redirected = await client.GetAsync(new Uri("/redirect", UriKind.Relative));
        Assert.That(redirected.StatusCode, Is.EqualTo(HttpStatusCode.Redirect));
        using (await client.GetAsync(new Uri("/cookie", UriKind.Relative)))
            Assert.That(await client.GetStringAsync(new Uri("/headers", UriKind.Relative)), Does.Contain("Host").And.Not.Contain("Cookie").And.Not.Contain("traceparent"));
    }

    [Test]
    public async Task Only_the_roots_of_the_bundle_are_trusted()
    {
        using var ca = Authority("CN=ours");
        using var stranger = Authority("CN=stranger");
        using var certificate = Issue(ca);
        await using var server = await StartAsync(k => k.Listen(IPAddress.Loopback, 0, o => o.UseHttps(certificate)));
        var address = new Uri(server.Urls.Single().Replace("127.0.0.1", "localhost", StringComparison.Ordinal) + "/hello");

        Assert.That(await GetAsync(ca.ExportCertificatePem()), Is.EqualTo("hello"));
        Assert.That(await GetAsync(stranger.ExportCertificatePem() + "\n" + ca.ExportCertificatePem()), Is.EqualTo("hello"));
        await Assert.ThrowsAsync<HttpRequestException>(async () => await GetAsync(stranger.ExportCertificatePem()));
        await Assert.ThrowsAsync<HttpRequestException>(async () => await GetAsync(null));

        async Task<string> GetAsync(string? bundle)
        {
            using var handler = DriverHttpHandlerFactory.Create(new DriverHttpOptions { DriverId = "tls-test", CaBundle = bundle });
            using var client = new HttpClient(handler, disposeHandler: false);
            return await client.GetStringAsync(address);
        }
    }

    [Test]
    public async Task Only_the_pinned_certificate_is_taken_whatever_its_issuer_and_name()
    {
        using var ca = Authority("CN=ours");
        using var certificate = Issue(ca);
        await using var server = await StartAsync(k => k.Listen(IPAddress.Loopback, 0, o => o.UseHttps(certificate)));
        var address = new Uri(server.Urls.Single() + "/hello");
        var pin = Convert.ToHexStringLower(SHA256.HashData(certificate.RawData));
        var shown = string.Join(':', pin.ToUpperInvariant().Chunk(2).Select(c => new string(c)));
        Assert.That(await GetAsync(pin, null), Is.EqualTo("hello"));
        Assert.That(await GetAsync(shown, null), Is.EqualTo("hello"));
        var refused = await Assert.ThrowsAsync<HttpRequestException>(async () => await GetAsync(new string('0', 64), null));
        Assert.That(refused!.InnerException!.Message, Does.Contain(shown));
        // With a bundle too it has to be valid by that, here for its name.
        Assert.That(await GetAsync(pin, ca.ExportCertificatePem(), "localhost"), Is.EqualTo("hello"));
        await Assert.ThrowsAsync<HttpRequestException>(async () => await GetAsync(pin, ca.ExportCertificatePem()));

        async Task<string> GetAsync(string fingerprint, string? bundle, string host = "127.0.0.1")
        {
            using var handler = DriverHttpHandlerFactory.Create(new DriverHttpOptions { DriverId = "pin-test", Fingerprint = fingerprint, CaBundle = bundle });
            using var client = new HttpClient(handler, disposeHandler: false);
            return await client.GetStringAsync(new UriBuilder(address) { Host = host }.Uri);
        }
    }

    [TestCase("", "0 characters")]
    [TestCase("a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", "as a SHA-1 has")]
    [TestCase("zz00000000000000000000000000000000000000000000000000000000000000", "64 hex digits")]
    [TestCase("00000000000000000000000000000000:0000000000000000000000000000000000000000000000000000000000000", "colons between pairs")]
    public void A_fingerprint_of_another_form_is_refused_by_its_field(string fingerprint, string why) =>
        Assert.That(() => DriverHttpHandlerFactory.Create(new DriverHttpOptions { DriverId = "pin-test", Fingerprint = fingerprint }).Dispose(),
            Throws.ArgumentException.With.Message.StartsWith("fingerprint: ").And.Message.Contains(why));

    [Test]
    public void A_fingerprint_needs_an_endpoint_with_a_certificate() =>
        Assert.That(() => DriverHttpHandlerFactory.Create(new DriverHttpOptions { DriverId = "pin-test", Endpoint = new Uri("http://pve:8006"), Fingerprint = new string('0', 64) }).Dispose(),
            Throws.ArgumentException.With.Message.StartsWith("fingerprint: "));

    [Test]
    public async Task Every_request_is_counted_by_driver_method_host_and_status_class()
    {
        var driver = "count-" + Guid.NewGuid().ToString("N");
        ConcurrentBag<string> counted = [];
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Name == "datum.driver.http.requests")
                    l.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            if (Equals(tags[0].Value, driver))
                counted.Add($"{value} {tags[1].Value} {tags[2].Value} {tags[3].Value}");
        });
        listener.Start();

        string url;
        await using (var server = await StartAsync(k => k.Listen(IPAddress.Loopback, 0)))
        {
            url = server.Urls.Single();
            using var handler = DriverHttpHandlerFactory.Create(new DriverHttpOptions { DriverId = driver });
            using var client = new HttpClient(handler, disposeHandler: false) { BaseAddress = new Uri(url) };
            using (await client.GetAsync(new Uri("/hello", UriKind.Relative)))
            using (await client.DeleteAsync(new Uri("/nothing", UriKind.Relative)))
            using (await client.GetAsync(new Uri("/redirect", UriKind.Relative)))
                Assert.That(counted, Has.Count.EqualTo(3));
        }

        using var second = DriverHttpHandlerFactory.Create(new DriverHttpOptions { DriverId = driver });
        using var late = new HttpClient(second, disposeHandler: false);
        await Assert.ThrowsAsync<HttpRequestException>(async () => await late.GetAsync(new Uri(url)));
        Assert.That(counted, Is.EquivalentTo(new[] { "1 GET 127.0.0.1 2xx", "1 DELETE 127.0.0.1 4xx", "1 GET 127.0.0.1 3xx", "1 GET 127.0.0.1 error" }));
    }

    [TestCase("ftp://x/", null, null, "endpoint: scheme 'ftp'")]
    [TestCase("unix://run/x.sock", null, null, "three slashes")]
    [TestCase("https://user:word@x/", null, null, "endpoint: must not hold a user name")]
    [TestCase("unix:///run/x.sock", "http://proxy:3128", null, "proxy: a unix socket")]
    [TestCase("https://x/", "ftp://proxy", null, "proxy: must be")]
    [TestCase("https://x/", "http://user:word@proxy", null, "proxy: must not hold")]
    [TestCase("https://x/", null, "no pem", "caBundle: holds no PEM certificate")]
    [TestCase("https://x/", null, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "caBundle: isn't")]
    public void A_wrong_setting_is_named(string endpoint, string? proxy, string? bundle, string text)
    {
        var options = new DriverHttpOptions { DriverId = "x", Endpoint = new Uri(endpoint), Proxy = proxy is null ? null : new Uri(proxy), CaBundle = bundle };
        Assert.That(() => DriverHttpHandlerFactory.Create(options), Throws.ArgumentException.With.Message.Contain(text));
    }

    private static async Task<WebApplication> StartAsync(Action<KestrelServerOptions> listen)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(listen);
        var app = builder.Build();
        app.MapGet("/hello", () => "hello");
        app.MapGet("/redirect", () => Results.Redirect("/hello"));
        app.MapGet("/cookie", (HttpContext c) => c.Response.Cookies.Append("a", "b"));
        app.MapGet("/headers", (HttpContext c) => string.Join(",", c.Request.Headers.Keys));
        await app.StartAsync();
        return app;
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
    }

    private static X509Certificate2 Issue(X509Certificate2 authority)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var issued = request.Create(authority, DateTimeOffset.UtcNow.AddMinutes(-30), DateTimeOffset.UtcNow.AddMinutes(30), RandomNumberGenerator.GetBytes(8));
        using var withKey = issued.CopyWithPrivateKey(key);
        // Kestrel wants a key that isn't ephemeral on every system.
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }
}
