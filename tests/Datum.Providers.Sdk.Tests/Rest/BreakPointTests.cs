using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Datum.Providers.Sdk.Tests.Support;

namespace Datum.Providers.Sdk.Tests;

/// <summary>What is known of the effect, for every point at which a request can break, on real sockets.</summary>
internal sealed class BreakPointTests
{
    private static readonly RestRequest Create = new() { Method = HttpMethod.Post, Path = "servers", Body = "{}"u8.ToArray() };

    [Test]
    public async Task A_server_that_speaks_no_TLS_got_no_request()
    {
        await using var server = new LoopbackServer(async (stream, stop) =>
        {
            await stream.ReadExactlyAsync(new byte[5], stop);
            await stream.WriteAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), stop);
            return null;
        });
        var error = await FailAsync(new Uri($"https://127.0.0.1:{server.Port}"), Create);
        Assert.That((error.Code, error.Effect), Is.EqualTo((ErrorCode.Failed, Effect.NotApplied)));
        Assert.That(error.Message, Does.StartWith("No secure connection"));
    }

    [Test]
    public async Task A_certificate_that_nobody_signed_stops_the_request_before_it_leaves()
    {
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest("CN=cloud.test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var requests = 0;
        await using var server = new LoopbackServer(async (stream, stop) =>
        {
            await using var secure = new SslStream(stream);
            try
            {
                await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, stop);
                requests += await LoopbackServer.ReadAsync(secure, stop) is null ? 0 : 1;
            }
            catch (System.Security.Authentication.AuthenticationException)
            {
                // The client turned the certificate down.
            }

            return null;
        });
        var error = await FailAsync(new Uri($"https://127.0.0.1:{server.Port}"), Create);
        Assert.That((error.Code, error.Effect, requests), Is.EqualTo((ErrorCode.Failed, Effect.NotApplied, 0)));
        Assert.That(error.Message, Does.Contain("CA bundle"));
    }

    [Test]
    public async Task A_reset_leaves_a_mutation_unknown_whether_or_not_the_request_was_read([Values] bool read)
    {
        var connections = 0;
        await using var server = new LoopbackServer(async (stream, stop) =>
        {
            Interlocked.Increment(ref connections);
            if (read)
                await LoopbackServer.ReadAsync(stream, stop);
            else
                await stream.ReadExactlyAsync(new byte[1], stop);
            ((NetworkStream)stream).Socket.LingerState = new LingerOption(true, 0);
            return null;
        });
        var post = await FailAsync(server.Address, Create);
        var sent = connections;
        var get = await FailAsync(server.Address, RestRequest.Get("servers"));
        Assert.Multiple(() =>
        {
            Assert.That((post.Code, post.Effect), Is.EqualTo((ErrorCode.Unavailable, Effect.Unknown)));
            Assert.That((get.Code, get.Effect), Is.EqualTo((ErrorCode.Unavailable, Effect.NotApplied)));
            Assert.That(sent, Is.EqualTo(1), "a mutation goes out once");
        });
    }

    [TestCase("nonsense\r\n\r\n", TestName = "Garbage_instead_of_an_answer_leaves_a_mutation_unknown")]
    [TestCase("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":", TestName = "Half_a_body_leaves_a_mutation_unknown")]
    [TestCase("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\"\r\nzz\r\n", TestName = "A_broken_chunk_leaves_a_mutation_unknown")]
    [TestCase("HTTP/1.1 409 Conflict\r\nContent-Length: 100\r\n\r\n{\"id\":", TestName = "Half_a_refusal_leaves_a_mutation_unknown")]
    [TestCase("HTTP/1.1 201", TestName = "Half_a_status_line_leaves_a_mutation_unknown")]
    public async Task Broken_answers(string bytes)
    {
        await using var server = new LoopbackServer(async (stream, stop) =>
        {
            await LoopbackServer.ReadAsync(stream, stop);
            await stream.WriteAsync(Encoding.ASCII.GetBytes(bytes), stop);
            return null;
        });
        var post = await FailAsync(server.Address, Create);
        var get = await FailAsync(server.Address, RestRequest.Get("servers"));
        Assert.That((post.Code, post.Effect, get.Effect), Is.EqualTo((ErrorCode.Unavailable, Effect.Unknown, Effect.NotApplied)));
    }

    [TestCase("", TestName = "A_deadline_that_passes_before_the_answer_leaves_a_mutation_unknown")]
    [TestCase("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":", TestName = "A_deadline_that_passes_within_the_answer_leaves_a_mutation_unknown")]
    public async Task Deadlines(string bytes)
    {
        await using var server = new LoopbackServer(async (stream, stop) =>
        {
            await LoopbackServer.ReadAsync(stream, stop);
            await stream.WriteAsync(Encoding.ASCII.GetBytes(bytes), stop);
            await Task.Delay(Timeout.Infinite, stop);
            return null;
        });
        // The host's cancellation never comes: what is left of the deadline is the request's own time limit.
        var post = await FailAsync(server.Address, Create, TimeSpan.FromMilliseconds(300));
        var get = await FailAsync(server.Address, RestRequest.Get("servers"), TimeSpan.FromMilliseconds(300));
        Assert.That((post.Code, post.Effect), Is.EqualTo((ErrorCode.Timeout, Effect.Unknown)));
        Assert.That((get.Code, get.Effect), Is.EqualTo((ErrorCode.Timeout, Effect.NotApplied)));
    }

    [Test]
    public async Task A_deadline_that_has_passed_sends_nothing()
    {
        var requests = 0;
        await using var server = new LoopbackServer(_ => { requests++; return LoopbackServer.Answer(201, "{}"); });
        var post = await FailAsync(server.Address, Create, TimeSpan.FromMilliseconds(-1));
        Assert.That((post.Code, post.Effect, requests), Is.EqualTo((ErrorCode.Timeout, Effect.NotApplied, 0)));
    }

    [TestCase(3, ErrorCode.Unavailable, Effect.NotApplied, TestName = "A_stream_that_HTTP2_refuses_took_no_effect")]
    [TestCase(8, ErrorCode.Unavailable, Effect.Unknown, TestName = "A_stream_that_HTTP2_cancels_leaves_a_mutation_unknown")]
    [TestCase(7, ErrorCode.Unavailable, Effect.Unknown, TestName = "A_connection_that_HTTP2_ends_after_the_stream_leaves_a_mutation_unknown")]
    public async Task Http2(int how, ErrorCode code, Effect effect)
    {
        await using var server = new LoopbackServer(async (stream, stop) =>
        {
            await stream.ReadExactlyAsync(new byte[24], stop);
            await stream.WriteAsync(Frame(type: 4, flags: 0, id: 0, []), stop);
            var head = new byte[9];
            while (true)
            {
                await stream.ReadExactlyAsync(head, stop);
                await stream.ReadExactlyAsync(new byte[(head[0] << 16) | (head[1] << 8) | head[2]], stop);
                var id = head[8];
                if (head[3] == 1)
                    await stream.WriteAsync(how switch
                    {
                        // RST_STREAM with REFUSED_STREAM or CANCEL; GOAWAY whose last stream is this one.
                        3 => Frame(3, 0, id, [0, 0, 0, 7]),
                        8 => Frame(3, 0, id, [0, 0, 0, 8]),
                        _ => Frame(7, 0, 0, [0, 0, 0, id, 0, 0, 0, 2]),
                    }, stop);
                if (head[3] == 1 && how == 7)
                    return null;
            }
        });
        using var handler = new SocketsHttpHandler();
        using var client = Make.Client(handler, TimeProvider.System, o => o with
        {
            BaseAddress = server.Address,
            HttpVersion = HttpVersion.Version20,
            HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        });
        var result = await client.SendAsync(Make.Call(TimeProvider.System, TimeSpan.FromSeconds(20)), Create);
        Assert.That((result.Error!.Code, result.Error.Effect), Is.EqualTo((code, effect)), result.Error.Message);

        static byte[] Frame(byte type, byte flags, byte id, byte[] payload) => [0, 0, (byte)payload.Length, type, flags, 0, 0, 0, id, .. payload];
    }

    private static async Task<DriverError> FailAsync(Uri address, RestRequest request, TimeSpan? left = null)
    {
        using var handler = new SocketsHttpHandler();
        using var client = Make.Client(handler, TimeProvider.System, o => o with { BaseAddress = address });
        var result = await client.SendAsync(Make.Call(TimeProvider.System, left ?? TimeSpan.FromSeconds(20)), request);
        Assert.That((result.Ok, result.Status), Is.EqualTo((false, 0)));
        return result.Error!;
    }
}
