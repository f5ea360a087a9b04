using System.Net;
using System.Net.Sockets;
using Datum.Providers.Testing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using static Datum.Providers.Kubernetes.Tests.ScriptedServer;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>Connections: protocols, certificates, credentials on the wire, dead peers.</summary>
internal sealed class TransportTests
{
    private static readonly ObjectKey Key = new("ns", "w");
    private TestAuthority _authority = null!;
    private string _folder = "";

    [SetUp]
    public void Create()
    {
        _authority = new TestAuthority();
        _folder = Directory.CreateTempSubdirectory("datum-tls-").FullName;
    }

    [TearDown]
    public void Remove()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [TestCase(HttpProtocols.Http1AndHttp2, "HTTP/2")]
    [TestCase(HttpProtocols.Http1, "HTTP/1.1")]
    public async Task Tls_negotiates_http2_and_falls_back_to_http_1_1(HttpProtocols offered, string used)
    {
        using var certificate = _authority.Server();
        await using var server = await StartTlsAsync(certificate, offered, (c, _, _) => JsonAsync(c, 200, Item("w", 4)));
        await using var client = new KubernetesClient(new KubernetesConnection { Server = server.Address, Authorities = _authority.Roots });
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        Assert.That(server.Connections.Single(), Does.StartWith(used + " "));
    }

    [Test]
    public async Task Clients_of_one_connection_share_one_http2_connection_with_their_watches()
    {
        using var certificate = _authority.Server();
        await using var server = await StartTlsAsync(certificate, HttpProtocols.Http2, async (c, _, ended) =>
        {
            if (!IsWatch(c))
            {
                await JsonAsync(c, 200, Item("w", 4));
                return;
            }
            await EventAsync(c, "BOOKMARK", Bookmark(5));
            await HoldAsync(ended);
        });
        var connection = new KubernetesConnection { Server = server.Address, Authorities = _authority.Roots };
        await using var first = new KubernetesClient(connection);
        using var stop = new CancellationTokenSource();
        await using var watch = first.WatchAsync(Widget.Type, new WatchOptions { ResourceVersion = "1" }, stop.Token).GetAsyncEnumerator();
        Assert.That(await watch.MoveNextAsync());
        await using (var second = new KubernetesClient(connection))
        {
            await second.FindAsync(Widget.Type, Key, CancellationToken.None);
            await first.FindAsync(Widget.Type, Key, CancellationToken.None);
        }
        await first.FindAsync(Widget.Type, Key, CancellationToken.None);
        Assert.That(server.Connections, Has.Count.EqualTo(4));
        Assert.That(server.Connections.Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_server_that_is_known_by_another_name_is_asked_for_that_name()
    {
        using var certificate = _authority.Server("inner.example.com");
        await using var server = await StartTlsAsync(certificate, HttpProtocols.Http2, (c, _, _) => JsonAsync(c, 200, Item("w", 4)));
        foreach (var (name, good) in new[] { ("inner.example.com", true), ("other.example.com", false) })
        {
            await using var client = new KubernetesClient(new KubernetesConnection { Server = server.Address, Authorities = _authority.Roots, TlsServerName = name }, new KubernetesClientOptions { MaxRetries = 0 });
            Assert.That(async () => await client.FindAsync(Widget.Type, Key, CancellationToken.None), good ? Throws.Nothing : Throws.InstanceOf<HttpRequestException>());
        }
        Assert.That(server.Headers.Single().Host, Has.One.EqualTo("inner.example.com"));
    }

    [Test]
    public async Task Client_certificate_files_and_authorities_that_rotate_are_read_again_and_watches_go_on()
    {
        var time = new ManualScheduler();
        using var certificate = _authority.Server();
        await using var server = await StartTlsAsync(certificate, HttpProtocols.Http2, async (c, _, ended) =>
        {
            if (!IsWatch(c))
            {
                await JsonAsync(c, 200, Item(c.Connection.ClientCertificate?.Subject ?? "nobody", 4));
                return;
            }
            await EventAsync(c, "BOOKMARK", Bookmark(5));
            while (!File.Exists(At("go")))
                await Task.Delay(5, ended);
            await EventAsync(c, "BOOKMARK", Bookmark(6));
            await HoldAsync(ended);
        });
        Write("one");
        var connection = new KubernetesConnection { Server = server.Address, ClientCertificateFile = At("crt"), ClientKeyFile = At("key"), AuthoritiesFile = At("ca") };
        await using var client = new KubernetesClient(connection, new KubernetesClientOptions { Scheduler = time, RequestTimeout = Timeout.InfiniteTimeSpan });
        async Task<string?> NameAsync() => (await client.FindAsync(Widget.Type, Key, CancellationToken.None))!.Metadata.Name;

        Assert.That(await NameAsync(), Is.EqualTo("CN=one"));
        using var stop = new CancellationTokenSource();
        await using var watch = client.WatchAsync(Widget.Type, new WatchOptions { ResourceVersion = "1" }, stop.Token).GetAsyncEnumerator();
        Assert.That(await watch.MoveNextAsync());
        Write("two");
        time.Advance(TimeSpan.FromSeconds(59));
        Assert.That(await NameAsync(), Is.EqualTo("CN=one"));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.That(await NameAsync(), Is.EqualTo("CN=two"));
        // Half replaced: certificate and key don't fit, so the last pair is used on.
        File.WriteAllText(At("crt"), _authority.Issue("three").Certificate);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(await NameAsync(), Is.EqualTo("CN=two"));
        File.WriteAllText(At("go"), "");
        Assert.That(await watch.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20)), "the watch over the first certificate's connection goes on");
        Assert.That(watch.Current.ResourceVersion, Is.EqualTo("6"));
    }

    [Test]
    public async Task Basic_authentication_and_impersonation_are_sent_as_headers()
    {
        await using var server = await StartAsync((c, _, _) => JsonAsync(c, 200, Item("w", 4)));
        var connection = new KubernetesConnection
        {
            Server = server.Address,
            Basic = new BasicCredential("admin", "p:ß"),
            Impersonate = new Impersonation { User = "jane", Uid = "u1", Groups = ["a", "b"], Extra = new Dictionary<string, IReadOnlyList<string>> { ["example.com/Scope"] = ["view", "edit"] } },
        };
        await using var client = new KubernetesClient(connection);
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        var headers = server.Headers.Single();
        Assert.That(headers.Authorization, Has.One.EqualTo("Basic " + Convert.ToBase64String("admin:p:ß"u8)));
        Assert.That(headers["Impersonate-User"], Has.One.EqualTo("jane"));
        Assert.That(headers["Impersonate-Uid"], Has.One.EqualTo("u1"));
        Assert.That(string.Join(',', headers["Impersonate-Group"].ToArray()).Replace(" ", "", StringComparison.Ordinal), Is.EqualTo("a,b"));
        Assert.That(string.Join(',', headers["Impersonate-Extra-example.com%2Fscope"].ToArray()).Replace(" ", "", StringComparison.Ordinal), Is.EqualTo("view,edit"));
    }

    [Test]
    public async Task Compression_can_be_switched_off()
    {
        await using var server = await StartAsync((c, _, _) => ListAsync(c, 3));
        await using var client = new KubernetesClient(new KubernetesConnection { Server = server.Address, DisableCompression = true });
        await client.ListAsync(Widget.Type, new ListOptions(), CancellationToken.None);
        Assert.That(server.Headers.Single().AcceptEncoding, Is.Empty);
    }

    [Test]
    public async Task A_redirect_is_refused_and_the_token_goes_nowhere_else()
    {
        await using var elsewhere = await StartAsync((c, _, _) => JsonAsync(c, 200, Item("w", 4)));
        await using var server = await StartAsync((c, _, _) =>
        {
            c.Response.Redirect(elsewhere.Address.ToString());
            return Task.CompletedTask;
        });
        await using var client = server.Client();
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None)))!;
        Assert.That(refusal.Code, Is.EqualTo(302));
        Assert.That(elsewhere.Requests, Is.Empty);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task An_error_without_end_is_cut_and_told_without_the_token(bool zipped)
    {
        await using var server = await StartAsync(async (c, _, ended) =>
        {
            c.Response.StatusCode = 500;
            var body = c.Response.Body;
            if (zipped)
            {
                c.Response.Headers.ContentEncoding = "gzip";
                body = new System.IO.Compression.GZipStream(body, System.IO.Compression.CompressionLevel.Fastest);
            }
            while (!ended.IsCancellationRequested)
                await body.WriteAsync(new byte[64 << 10], ended);
        });
        await using var client = server.Client(new KubernetesClientOptions { MaxRetries = 0 });
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None)))!;
        Assert.That(refusal.Code, Is.EqualTo(500));
        Assert.That(refusal.ToString(), Does.Not.Contain("t0ken").And.Length.LessThan(4000));
    }

    [Test]
    public async Task The_start_of_a_watch_is_tried_again_unless_the_caller_backs_off_itself()
    {
        var time = new ManualScheduler();
        await using var server = await StartAsync(async (c, n, _) =>
        {
            if (n is 1 or 3)
            {
                c.Response.Headers.RetryAfter = "2";
                await StatusAsync(c, 503, "ServiceUnavailable");
                return;
            }
            await EventAsync(c, "BOOKMARK", Bookmark(5));
        });
        await using var client = server.Client(new KubernetesClientOptions { Scheduler = time, RequestTimeout = Timeout.InfiniteTimeSpan });
        var first = CountAsync(client, new WatchOptions { ResourceVersion = "1" });
        await time.WaitForTimersAsync();
        Assert.That(time.NextTimer - time.Now, Is.EqualTo(TimeSpan.FromSeconds(2)));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.That(await first.WaitAsync(TimeSpan.FromSeconds(20)), Is.EqualTo(1));
        await Assert.ThrowsAsync<KubernetesException>(() => CountAsync(client, new WatchOptions { ResourceVersion = "1", RetryStart = false }));
    }

    [Test]
    public async Task A_half_open_http2_connection_ends_its_watch_by_ping()
    {
        using var certificate = _authority.Server();
        await using var server = await StartTlsAsync(certificate, HttpProtocols.Http2, async (c, _, ended) =>
        {
            await EventAsync(c, "BOOKMARK", Bookmark(5));
            await HoldAsync(ended);
        });
        await using var wire = new Wire(server.Address);
        var connection = new KubernetesConnection { Server = wire.Address, Authorities = _authority.Roots, KeepAliveDelay = TimeSpan.FromSeconds(1), KeepAliveTimeout = TimeSpan.FromSeconds(1) };
        await using var client = new KubernetesClient(connection);
        await using var watch = client.WatchAsync(Widget.Type, new WatchOptions { ResourceVersion = "1" }, CancellationToken.None).GetAsyncEnumerator();
        Assert.That(await watch.MoveNextAsync());
        wire.Freeze();
        Assert.That(async () => await watch.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30)), Throws.InstanceOf<HttpRequestException>());
    }

    [Test]
    public async Task A_quiet_connection_is_probed_by_the_kernel()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var connection = new KubernetesConnection { Server = new Uri("http://127.0.0.1") };
        await using var stream = await KubernetesHandler.ConnectAsync(new DnsEndPoint("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port), connection, CancellationToken.None);
        int Option(SocketOptionName name, SocketOptionLevel level = SocketOptionLevel.Tcp) => (int)stream.Socket.GetSocketOption(level, name)!;
        Assert.That(Option(SocketOptionName.KeepAlive, SocketOptionLevel.Socket), Is.Not.Zero);
        Assert.That((Option(SocketOptionName.TcpKeepAliveTime), Option(SocketOptionName.TcpKeepAliveInterval), Option(SocketOptionName.TcpKeepAliveRetryCount)), Is.EqualTo((30, 5, 3)));
    }

    [Test]
    public async Task A_token_file_that_vanishes_keeps_its_token_until_the_server_refuses_it()
    {
        var time = new ManualScheduler();
        var refuse = false;
        await using var server = await StartAsync((c, _, _) => refuse ? StatusAsync(c, 401, "Unauthorized") : JsonAsync(c, 200, Item("w", 4)));
        File.WriteAllText(At("token"), "canary-5ecret\n");
        await using var client = new KubernetesClient(new KubernetesConnection { Server = server.Address, TokenFile = At("token") }, new KubernetesClientOptions { Scheduler = time });
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        File.Delete(At("token"));
        time.Advance(TimeSpan.FromMinutes(2));
        await client.FindAsync(Widget.Type, Key, CancellationToken.None);
        refuse = true;
        var error = (await Assert.ThrowsAsync<HttpRequestException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None)))!;
        Assert.That(error.Message, Does.Contain(At("token")).And.Contain("can't be read"));
        Assert.That(error.ToString(), Does.Not.Contain("canary"));
    }

    private static async Task<int> CountAsync(KubernetesClient client, WatchOptions options)
    {
        var count = 0;
        await foreach (var change in client.WatchAsync(Widget.Type, options, CancellationToken.None))
            count += change.Type == WatchEventType.Bookmark ? 1 : 0;
        return count;
    }

    private string At(string name) => Path.Combine(_folder, name);

    private void Write(string name)
    {
        var (certificate, key) = _authority.Issue(name);
        File.WriteAllText(At("crt"), certificate);
        File.WriteAllText(At("key"), key);
        File.WriteAllText(At("ca"), _authority.Pem);
    }
}
