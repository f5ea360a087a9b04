using System.Net;
using System.Net.Sockets;
using System.Text;
using Datum.Providers.ControlPlane.Export;

namespace Datum.Providers.ControlPlane.Tests.Export;

/// <summary>Where tenants can't make the host connect to, however the address is written or comes about.</summary>
public sealed class DestinationGuardTests
{
    [TestCase("8.8.8.8")]
    [TestCase("172.15.255.255")]
    [TestCase("172.32.0.0")]
    [TestCase("100.63.255.255")]
    [TestCase("100.128.0.0")]
    [TestCase("223.255.255.255")]
    [TestCase("2606:4700:4700::1111")]
    [TestCase("2a00:1450::1")]
    [TestCase("::ffff:8.8.8.8")]
    [TestCase("64:ff9b::8.8.8.8", Description = "as DNS64 gives it")]
    public void A_public_address_is_reached(string address) => Assert.That(new DestinationGuard().Refuses(IPAddress.Parse(address)), Is.Null);

    [TestCase("0.0.0.0")]
    [TestCase("0.1.2.3")]
    [TestCase("127.0.0.1")]
    [TestCase("127.255.255.254")]
    [TestCase("10.0.0.1")]
    [TestCase("172.16.0.1")]
    [TestCase("172.31.255.255")]
    [TestCase("192.168.1.1")]
    [TestCase("169.254.169.254", Description = "metadata of most clouds")]
    [TestCase("168.63.129.16", Description = "Azure's wire server")]
    [TestCase("100.100.100.200", Description = "metadata of Alibaba Cloud, within carrier NAT")]
    [TestCase("192.0.0.192", Description = "metadata of Oracle's older machines")]
    [TestCase("198.18.0.1")]
    [TestCase("203.0.113.1")]
    [TestCase("192.88.99.1")]
    [TestCase("224.0.0.1")]
    [TestCase("240.0.0.1")]
    [TestCase("255.255.255.255")]
    [TestCase("::")]
    [TestCase("::1")]
    [TestCase("::127.0.0.1", Description = "IPv4-compatible")]
    [TestCase("::ffff:127.0.0.1", Description = "IPv4-mapped")]
    [TestCase("::ffff:169.254.169.254")]
    [TestCase("::ffff:0:127.0.0.1", Description = "IPv4-translated")]
    [TestCase("64:ff9b::127.0.0.1", Description = "NAT64")]
    [TestCase("64:ff9b::a9fe:a9fe")]
    [TestCase("64:ff9b:1::8.8.8.8", Description = "NAT64 of local use")]
    [TestCase("2002:7f00:1::", Description = "6to4 of 127.0.0.1")]
    [TestCase("2002:808:808::", Description = "6to4 at all")]
    [TestCase("2001:0:7f00:1::", Description = "Teredo")]
    [TestCase("2001:db8::1")]
    [TestCase("3fff::1")]
    [TestCase("fc00::1")]
    [TestCase("fd00:ec2::254", Description = "metadata of EC2")]
    [TestCase("fe80::1")]
    [TestCase("fe80::1%1")]
    [TestCase("2606:4700::1%1", Description = "a scope makes a local address of anything")]
    [TestCase("fec0::1")]
    [TestCase("ff02::1")]
    [TestCase("100::1")]
    [TestCase("5f00::1")]
    public void Another_address_is_refused(string address) => Assert.That(new DestinationGuard().Refuses(IPAddress.Parse(address)), Is.EqualTo("an address that isn't public"));

    [Test]
    public void The_operator_allows_and_excludes_ranges()
    {
        var guard = new DestinationGuard
        {
            Allowed = [IPNetwork.Parse("10.1.0.0/16"), IPNetwork.Parse("fd00:1::/64")], Denied = [IPNetwork.Parse("8.8.8.0/24"), IPNetwork.Parse("10.1.2.0/24")],
            OwnAddresses = () => [IPAddress.Parse("9.9.9.9")],
        };
        Assert.Multiple(() =>
        {
            Assert.That(guard.Refuses(IPAddress.Parse("10.1.1.1")), Is.Null);
            Assert.That(guard.Refuses(IPAddress.Parse("::ffff:10.1.1.1")), Is.Null);
            Assert.That(guard.Refuses(IPAddress.Parse("fd00:1::1")), Is.Null);
            Assert.That(guard.Refuses(IPAddress.Parse("10.2.1.1")), Is.EqualTo("an address that isn't public"));
            Assert.That(guard.Refuses(IPAddress.Parse("8.8.8.8")), Does.Contain("excludes"));
            Assert.That(guard.Refuses(IPAddress.Parse("64:ff9b::8.8.8.8")), Does.Contain("excludes"));
            Assert.That(guard.Refuses(IPAddress.Parse("10.1.2.1")), Does.Contain("excludes"), "what is excluded wins");
            Assert.That(guard.Refuses(IPAddress.Parse("9.9.9.9")), Does.Contain("host itself"));
            Assert.That(guard.Refuses(IPAddress.Parse("::ffff:9.9.9.9")), Does.Contain("host itself"));
        });
    }

    [TestCase("https://metrics.example.com/push", null)]
    [TestCase("https://metrics.example.com:8443/push", null)]
    [TestCase("http://metrics.example.com/push", "https")]
    [TestCase("https://metrics.example.com:22/", "port")]
    [TestCase("https://metrics.example.com:25/", "port")]
    [TestCase("https://127.0.0.1/", "isn't public")]
    [TestCase("https://2130706433/", "isn't public")]
    [TestCase("https://0x7f.1/", "isn't public")]
    [TestCase("https://0177.0.0.1/", "isn't public")]
    [TestCase("https://[::ffff:7f00:1]/", "isn't public")]
    [TestCase("https://[fe80::1%25eth0]/", "isn't public")]
    public void An_endpoint_is_judged_by_what_its_text_tells(string url, string? says)
    {
        var refused = new DestinationGuard().Refuses(new Uri(url));

        Assert.That(refused, says is null ? Is.Null : Does.Contain(says));
    }

    [Test]
    public async Task A_name_that_leads_inside_isnt_connected_to()
    {
        using var inside = new Listener();
        using var http = new HttpMessageInvoker(GuardedHandler.Create(new DestinationGuard { AllowHttp = true }, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback, IPAddress.IPv6Loopback])));

        var error = await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(http, $"http://metrics.example.com:{inside.Port}/"));

        await Assert.MultipleAsync(async () =>
        {
            Assert.That(error!.InnerException, Is.TypeOf<DestinationRefusedException>());
            Assert.That(await inside.WasReachedAsync(), Is.False);
        });
    }

    /// <summary>A name that was public when it was looked at, and isn't when it is connected to: every connection asks and checks by itself.</summary>
    [Test]
    public async Task A_name_whose_address_changes_is_checked_at_each_connection()
    {
        using var inside = new Listener();
        var answers = new Queue<IPAddress>([IPAddress.Loopback, IPAddress.Parse("127.0.0.2")]);
        var guard = new DestinationGuard { AllowHttp = true, Allowed = [IPNetwork.Parse("127.0.0.1/32")] };
        using var http = new HttpMessageInvoker(GuardedHandler.Create(guard, (_, _) => Task.FromResult<IPAddress[]>([answers.Dequeue()])));

        using (var first = await GetAsync(http, $"http://metrics.example.com:{inside.Port}/", close: true))
            Assert.That(first.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));

        var error = await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(http, $"http://metrics.example.com:{inside.Port}/"));
        Assert.That(error!.InnerException, Is.TypeOf<DestinationRefusedException>());
    }

    [Test]
    public async Task Of_several_addresses_only_one_that_passed_is_connected_to()
    {
        using var inside = new Listener();
        var guard = new DestinationGuard { AllowHttp = true, Allowed = [IPNetwork.Parse("127.0.0.1/32")] };
        using var http = new HttpMessageInvoker(GuardedHandler.Create(guard, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("127.0.0.2"), IPAddress.Loopback])));

        using var answer = await GetAsync(http, $"http://metrics.example.com:{inside.Port}/");

        Assert.That(inside.ReachedAt, Is.EqualTo(IPAddress.Loopback));
    }

    [Test]
    public async Task A_redirect_isnt_followed_and_no_proxy_of_the_environment_is_used()
    {
        using var inside = new Listener($"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n");
        var guard = new DestinationGuard { AllowHttp = true, Allowed = [IPNetwork.Parse("127.0.0.1/32")] };
        using var handler = GuardedHandler.Create(guard, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]));
        using var http = new HttpMessageInvoker(handler);

        using var answer = await GetAsync(http, $"http://metrics.example.com:{inside.Port}/");

        Assert.Multiple(() =>
        {
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Found));
            Assert.That(handler.UseProxy, Is.False);
            Assert.That(handler.UseCookies, Is.False);
        });
    }

    private static async Task<HttpResponseMessage> GetAsync(HttpMessageInvoker http, string url, bool close = false)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.ConnectionClose = close;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await http.SendAsync(request, limit.Token);
    }

    /// <summary>A server on loopback that tells whether somebody came.</summary>
    private sealed class Listener : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Any, 0);
        private readonly string _answer;
        private int _accepted;

        public Listener(string answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        {
            _answer = answer;
            _listener.Start();
            _ = ServeAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public IPAddress? ReachedAt { get; private set; }

        /// <summary>Asks by a connection of its own: whoever came before it was accepted before it.</summary>
        public async Task<bool> WasReachedAsync()
        {
            using var own = new TcpClient();
            await own.ConnectAsync(IPAddress.Loopback, Port);
            await own.GetStream().WriteAsync(new byte[1]);
            await own.GetStream().ReadExactlyAsync(new byte[1]);
            return _accepted > 1;
        }

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptTcpClientAsync();
                    _accepted++;
                    ReachedAt = ((IPEndPoint)client.Client.LocalEndPoint!).Address.MapToIPv4();
                    var buffer = new byte[4096];
                    await client.GetStream().ReadAtLeastAsync(buffer, 1);
                    await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(_answer));
                }
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException or IOException)
            {
                // The test is over, or whoever came went away.
            }
        }
    }
}
