using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using static Datum.Providers.Kubernetes.Tests.ScriptedServer;

namespace Datum.Providers.Kubernetes.Tests;

internal sealed class ProxyTests
{
    private static readonly ObjectKey Key = new("ns", "w");

    [TestCase("https://10.1.2.3:6443", "10.0.0.0/8", false)]
    [TestCase("https://192.168.2.3:6443", "10.0.0.0/8", true)]
    [TestCase("https://[fd00::5]", "fd00::/8", false)]
    [TestCase("https://10.1.2.3", "10.1.2.3", false)]
    [TestCase("https://api.example.com", "example.com", false)]
    [TestCase("https://example.com", "example.com", false)]
    [TestCase("https://notapi.example.com", "api.example.com", true)]
    [TestCase("https://example.com", ".example.com", true)]
    [TestCase("https://api.example.com", ".example.com", false)]
    [TestCase("https://api.example.com", "*.example.com", false)]
    [TestCase("https://API.example.com", "EXAMPLE.com", false)]
    [TestCase("https://api.example.com:6443", "api.example.com:443", true)]
    [TestCase("https://api.example.com:6443", "other, api.example.com:6443", false)]
    [TestCase("https://10.1.2.3:6443", "10.1.2.3:6443", false)]
    [TestCase("https://api.example.com", "*", false)]
    [TestCase("https://api.example.com", "", true)]
    [TestCase("https://localhost:6443", "", false)]
    [TestCase("https://127.0.0.1:6443", "", false)]
    [TestCase("https://[::1]:6443", "", false)]
    public void No_proxy_exempts_as_go_reads_it(string server, string except, bool proxied)
    {
        var proxy = EnvironmentProxy.For(new Uri(server), Environment(("HTTPS_PROXY", "proxy.example.com:3128"), ("NO_PROXY", except)))!;
        Assert.That(proxy.GetProxy(new Uri(server)), Is.EqualTo(proxied ? new Uri("http://proxy.example.com:3128") : null));
        Assert.That(proxy.IsBypassed(new Uri(server)), Is.Not.EqualTo(proxied));
    }

    [Test]
    public void The_scheme_of_the_server_chooses_the_variable_and_upper_case_comes_first()
    {
        static Uri? For(string server, params (string, string)[] variables) => EnvironmentProxy.For(new Uri(server), Environment(variables))?.GetProxy(new Uri(server));
        Assert.That(For("https://x", ("https_proxy", "https://low"), ("HTTPS_PROXY", "socks5://up:1080")), Is.EqualTo(new Uri("socks5://up:1080")));
        Assert.That(For("https://x", ("https_proxy", "https://low")), Is.EqualTo(new Uri("https://low")));
        Assert.That(For("https://x", ("HTTP_PROXY", "http://p")), Is.Null);
        Assert.That(For("http://x", ("HTTP_PROXY", "http://p")), Is.EqualTo(new Uri("http://p")));
        Assert.That(For("http://x", ("HTTP_PROXY", "http://p"), ("REQUEST_METHOD", "GET")), Is.Null);
        Assert.That(For("https://x"), Is.Null);
        Assert.That(() => For("https://x", ("HTTPS_PROXY", "ftp://canary-5ecret@p")), Throws.InstanceOf<KubeConfigException>().With.Message.Contains("HTTPS_PROXY").And.Message.Not.Contains("canary"));
    }

    [TestCase("http", "")]
    [TestCase("http", "user:p%40ss@")]
    [TestCase("https", "")]
    [TestCase("socks5", "")]
    public async Task A_server_is_reached_through_the_proxy_of_the_kubeconfig(string scheme, string userInfo)
    {
        using var authority = new TestAuthority();
        using var certificate = authority.Server();
        await using var server = await StartTlsAsync(certificate, HttpProtocols.Http2, (c, _, _) => JsonAsync(c, 200, Item("w", 4)));
        await using var proxy = new TestProxy(scheme, certificate, expects: userInfo.Length > 0 ? "user:p@ss" : null);
        var connection = new KubernetesConnection
        {
            Server = server.Address,
            Authorities = authority.Roots,
            Proxy = new Uri($"{scheme}://{userInfo}127.0.0.1:{proxy.Port}"),
            // The kubeconfig's own comes first.
            Environment = Environment(("HTTPS_PROXY", "http://127.0.0.1:1")),
        };
        await using var client = new KubernetesClient(connection, new KubernetesClientOptions { MaxRetries = 0 });
        Assert.That(await client.FindAsync(Widget.Type, Key, CancellationToken.None), Is.Not.Null);
        Assert.That(proxy.Targets, Is.EqualTo(new[] { $"127.0.0.1:{server.Address.Port}" }));
        Assert.That(server.Connections.Single(), Does.StartWith("HTTP/2"));
    }

    [Test]
    public async Task A_proxy_that_refuses_is_told_without_its_password()
    {
        using var authority = new TestAuthority();
        using var certificate = authority.Server();
        await using var proxy = new TestProxy("http", certificate, expects: "user:another");
        foreach (var named in new[] { true, false })
        {
            var address = $"http://user:canary-5ecret@127.0.0.1:{proxy.Port}";
            var connection = new KubernetesConnection { Server = new Uri("https://api.example.com"), Proxy = named ? new Uri(address) : null, Environment = Environment(("HTTPS_PROXY", address)) };
            await using var client = new KubernetesClient(connection, new KubernetesClientOptions { MaxRetries = 0 });
            var error = (await Assert.ThrowsAsync<HttpRequestException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None)))!;
            Assert.That(error.ToString(), Does.Contain("407").And.Not.Contain("canary"));
        }
    }

    [Test]
    public async Task A_wrong_proxy_variable_is_told_at_the_first_request()
    {
        var connection = new KubernetesConnection { Server = new Uri("https://api.example.com"), Environment = Environment(("HTTPS_PROXY", "ftp://canary-5ecret@p")) };
        await using var client = new KubernetesClient(connection);
        var error = (await Assert.ThrowsAsync<HttpRequestException>(() => client.FindAsync(Widget.Type, Key, CancellationToken.None)))!;
        Assert.That(error.Message, Does.Contain("HTTPS_PROXY"));
        Assert.That(error.ToString(), Does.Not.Contain("canary"));
    }

    private static KubeEnvironment Environment(params (string Name, string Value)[] variables) =>
        new() { Variable = name => variables.FirstOrDefault(v => v.Name == name).Value };

    /// <summary>A proxy that speaks CONNECT or SOCKS 5 and remembers where to.</summary>
    private sealed class TestProxy : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _accepting;
        private readonly string _scheme;
        private readonly System.Security.Cryptography.X509Certificates.X509Certificate2 _certificate;
        private readonly string? _expects;

        public TestProxy(string scheme, System.Security.Cryptography.X509Certificates.X509Certificate2 certificate, string? expects)
        {
            (_scheme, _certificate, _expects) = (scheme, certificate, expects);
            _listener.Start();
            _accepting = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public ConcurrentQueue<string> Targets { get; } = new();

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _accepting;
            _listener.Stop();
            _stop.Dispose();
        }

        private async Task AcceptAsync()
        {
            var serving = new List<Task>();
            try
            {
                while (true)
                    serving.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
            catch (OperationCanceledException)
            {
                await Task.WhenAll(serving);
            }
        }

        private async Task ServeAsync(TcpClient near)
        {
            using (near)
            {
                try
                {
                    Stream stream = near.GetStream();
                    if (_scheme == "https")
                    {
                        var tls = new System.Net.Security.SslStream(stream);
                        await tls.AuthenticateAsServerAsync(_certificate);
                        stream = tls;
                    }
                    var (host, port) = _scheme == "socks5" ? await SocksAsync(stream) : await ConnectAsync(stream);
                    if (port == 0)
                        return;
                    Targets.Enqueue($"{host}:{port}");
                    using var far = new TcpClient();
                    await far.ConnectAsync(host, port, _stop.Token);
                    await stream.WriteAsync(_scheme == "socks5" ? new byte[] { 5, 0, 0, 1, 0, 0, 0, 0, 0, 0 } : Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\n\r\n"), _stop.Token);
                    await Task.WhenAny(stream.CopyToAsync(far.GetStream(), _stop.Token), far.GetStream().CopyToAsync(stream, _stop.Token));
                }
                catch (Exception error) when (error is OperationCanceledException or IOException or SocketException)
                {
                    return;
                }
            }
        }

        private async Task<(string, int)> ConnectAsync(Stream stream)
        {
            while (true)
            {
                var head = new StringBuilder();
                var one = new byte[1];
                while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
                {
                    if (await stream.ReadAsync(one, _stop.Token) == 0)
                        return ("", 0);
                    head.Append((char)one[0]);
                }
                if (_expects is not null && !head.ToString().Contains($"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(_expects))}", StringComparison.Ordinal))
                {
                    await stream.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"), _stop.Token);
                    continue;
                }
                var target = head.ToString().Split(' ')[1].Split(':');
                return (target[0], int.Parse(target[1], System.Globalization.CultureInfo.InvariantCulture));
            }
        }

        private async Task<(string, int)> SocksAsync(Stream stream)
        {
            var greeting = new byte[2];
            await stream.ReadExactlyAsync(greeting, _stop.Token);
            await stream.ReadExactlyAsync(new byte[greeting[1]], _stop.Token);
            await stream.WriteAsync(new byte[] { 5, 0 }, _stop.Token);
            var head = new byte[4];
            await stream.ReadExactlyAsync(head, _stop.Token);
            var length = head[3] == 1 ? 4 : head[3] == 4 ? 16 : stream.ReadByte();
            var address = new byte[length + 2];
            await stream.ReadExactlyAsync(address, _stop.Token);
            var host = head[3] == 3 ? Encoding.ASCII.GetString(address, 0, length) : new IPAddress(address.AsSpan(0, length)).ToString();
            return (host, (address[length] << 8) + address[length + 1]);
        }
    }
}
