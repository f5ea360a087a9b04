using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Datum.Providers.Sdk.Tests;

internal sealed class RestClientTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Test]
    public async Task An_answer_is_a_value_with_status_headers_and_body()
    {
        HttpRequestMessage? seen = null;
        using var handler = new Stub((m, _) =>
        {
            seen = m;
            var answer = Answer(HttpStatusCode.Created, "{\"a\":1}");
            answer.Headers.Add("X-Thing", ["1", "2"]);
            return Task.FromResult(answer);
        });
        using var client = Client(handler, o => o with { Headers = [new("X-All", "yes")], Authorize = (m, _) => { m.Headers.Add("X-Auth", "t"); return default; } });
        var result = await client.SendAsync(Call(), RestRequest.Post("/v1/things?x=1").WithHeader("X-One", "1"));
        Assert.Multiple(() =>
        {
            Assert.That(result.Ok);
            Assert.That(result.Status, Is.EqualTo(201));
            Assert.That(result.Header("x-thing"), Is.EqualTo("1, 2"));
            Assert.That(result.Text(), Is.EqualTo("{\"a\":1}"));
            Assert.That(seen!.RequestUri!.AbsoluteUri, Is.EqualTo("http://cloud.test/base/v1/things?x=1"));
            Assert.That(seen.Headers.GetValues("X-All"), Is.EqualTo(new[] { "yes" }));
            Assert.That(seen.Headers.GetValues("X-One"), Is.EqualTo(new[] { "1" }));
            Assert.That(seen.Headers.GetValues("X-Auth"), Is.EqualTo(new[] { "t" }));
            Assert.That(seen.Headers.GetValues("X-Request-Id"), Is.EqualTo(new[] { "call-1" }));
        });
    }

    [Test]
    public async Task A_paging_link_is_followed_only_to_the_same_server()
    {
        var sent = 0;
        using var handler = new Stub((m, _) => { sent++; return Task.FromResult(Answer(HttpStatusCode.OK, m.RequestUri!.AbsolutePath)); });
        using var client = Client(handler);
        var same = await client.SendAsync(Call(), RestRequest.Get("http://cloud.test/next?page=2"));
        var other = await client.SendAsync(Call(), RestRequest.Get("http://evil.test/next"));
        var port = await client.SendAsync(Call(), RestRequest.Get("http://cloud.test:81/next"));
        var inQuery = await client.SendAsync(Call(), RestRequest.Get("images?from=http://elsewhere/x"));
        Assert.Multiple(() =>
        {
            Assert.That(same.Text(), Is.EqualTo("/next"));
            Assert.That(other.Error!.Code, Is.EqualTo(ErrorCode.Failed));
            Assert.That(port.Error!.Effect, Is.EqualTo(Effect.NotApplied));
            Assert.That(inQuery.Text(), Is.EqualTo("/base/images"));
            Assert.That(sent, Is.EqualTo(2));
        });
    }

    [Test]
    public async Task A_refused_connection_took_no_effect([Values("POST", "GET", "DELETE")] string method)
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        using var handler = new SocketsHttpHandler();
        using var client = Client(handler, o => o with { BaseAddress = new Uri($"http://127.0.0.1:{port}") }, TimeProvider.System);
        var result = await client.SendAsync(Call(TimeProvider.System), new RestRequest { Method = new HttpMethod(method), Path = "x" });
        Assert.That((result.Error!.Code, result.Error.Effect, result.Status), Is.EqualTo((ErrorCode.Unavailable, Effect.NotApplied, 0)));
    }

    [Test]
    public async Task A_unix_socket_that_nobody_listens_on_took_no_effect()
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, token) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint("/nonexistent/datum.sock"), token);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var client = Client(handler, o => o with { BaseAddress = new Uri("unix:///nonexistent/datum.sock") }, TimeProvider.System);
        var result = await client.SendAsync(Call(TimeProvider.System), RestRequest.Post("x"));
        Assert.That((result.Error!.Code, result.Error.Effect), Is.EqualTo((ErrorCode.Unavailable, Effect.NotApplied)));
    }

    [TestCase("", TestName = "A_connection_closed_after_the_request_leaves_a_mutation_unknown")]
    [TestCase("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":", TestName = "A_connection_closed_within_the_body_leaves_a_mutation_unknown")]
    public async Task Broken_after_sending(string bytes)
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var posts = 0;
        var stopping = false;
        var serving = Serve();
        using var handler = new SocketsHttpHandler();
        using var client = Client(handler, o => o with { BaseAddress = new Uri($"http://{server.LocalEndpoint}") }, TimeProvider.System);
        var call = Call(TimeProvider.System);
        var post = await client.SendAsync(call, new RestRequest { Method = HttpMethod.Post, Path = "x", Body = "{}"u8.ToArray() });
        var bodiless = await client.SendAsync(call, RestRequest.Post("x"));
        var get = await client.SendAsync(call, RestRequest.Get("x"));
        var readByPost = await client.SendAsync(call, new RestRequest { Method = HttpMethod.Post, Path = "read", Mutates = false });
        Volatile.Write(ref stopping, true);
        server.Stop();
        await serving;
        Assert.Multiple(() =>
        {
            Assert.That((post.Error!.Code, post.Error.Effect), Is.EqualTo((ErrorCode.Unavailable, Effect.Unknown)));
            Assert.That((bodiless.Error!.Code, bodiless.Error.Effect), Is.EqualTo((ErrorCode.Unavailable, Effect.Unknown)));
            Assert.That((get.Error!.Code, get.Error.Effect), Is.EqualTo((ErrorCode.Unavailable, Effect.NotApplied)));
            Assert.That(readByPost.Error!.Effect, Is.EqualTo(Effect.NotApplied));
            Assert.That(posts, Is.EqualTo(2), "a mutation goes out once, whatever the handler would repeat");
        });

        async Task Serve()
        {
            try
            {
                while (true)
                {
                    using var connection = await server.AcceptTcpClientAsync();
                    var stream = connection.GetStream();
                    var buffer = new byte[4096];
                    var text = new StringBuilder();
                    while (!Whole(text.ToString()))
                        text.Append(Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer)));
                    if (text.ToString().StartsWith("POST /x ", StringComparison.Ordinal))
                        posts++;
                    await stream.WriteAsync(Encoding.ASCII.GetBytes(bytes));
                }
            }
            catch (Exception e) when (e is SocketException or InvalidOperationException)
            {
                // Not IsBound: for a moment the listener that is being stopped still says so.
                Assert.That(Volatile.Read(ref stopping), "the server ends only by being stopped");
            }
        }

        static bool Whole(string text) =>
            text.EndsWith("Content-Length: 2\r\n\r\n{}", StringComparison.Ordinal)
            || (text.EndsWith("\r\n\r\n", StringComparison.Ordinal) && !text.Contains("Content-Length: 2\r\n", StringComparison.Ordinal));
    }

    [Test]
    public async Task The_deadline_is_a_timeout_and_the_hosts_own_cancellation_goes_up()
    {
        var time = new Clock();
        using var source = new CancellationTokenSource();
        var call = new Call { Cancellation = source.Token, Deadline = Now.AddSeconds(5), Id = "c" };
        using var handler = new Stub(async (_, token) => { await Task.Delay(Timeout.Infinite, token); return new(); });
        using var client = Client(handler, time: time);

        var waiting = client.SendAsync(call, RestRequest.Post("x"));
        time.Now = Now.AddSeconds(5);
        await source.CancelAsync();
        var late = await waiting;
        var after = await client.SendAsync(call, RestRequest.Post("x"));
        Assert.Multiple(() =>
        {
            Assert.That((late.Error!.Code, late.Error.Effect), Is.EqualTo((ErrorCode.Timeout, Effect.Unknown)));
            Assert.That((after.Error!.Code, after.Error.Effect), Is.EqualTo((ErrorCode.Timeout, Effect.NotApplied)), "nothing is sent after the deadline");
        });

        using var stop = new CancellationTokenSource();
        var stopped = client.SendAsync(new Call { Cancellation = stop.Token, Deadline = Now.AddHours(1), Id = "c" }, RestRequest.Post("x"));
        await stop.CancelAsync();
        Assert.That(async () => await stopped, Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task The_handlers_own_time_limit_is_a_timeout()
    {
        using var handler = new Stub((_, _) => throw new TaskCanceledException("limit", new TimeoutException()));
        using var client = Client(handler);
        var result = await client.SendAsync(Call(), RestRequest.Post("x"));
        Assert.That((result.Error!.Code, result.Error.Effect), Is.EqualTo((ErrorCode.Timeout, Effect.Unknown)));
    }

    [Test]
    public async Task An_answer_that_is_too_long_is_an_error([Values] bool declared)
    {
        using var handler = new Stub((_, _) =>
        {
            var answer = new HttpResponseMessage { Content = new StreamContent(new Endless(1000)) };
            if (declared)
                answer.Content.Headers.ContentLength = 1000;
            return Task.FromResult(answer);
        });
        using var client = Client(handler, o => o with { MaxResponseBytes = 999 });
        var result = await client.SendAsync(Call(), RestRequest.Get("x"));
        var allowed = await client.SendAsync(Call(), RestRequest.Get("x") with { MaxResponseBytes = 1000 });
        Assert.Multiple(() =>
        {
            Assert.That(result.Error!.Message, Does.Contain("999 bytes"));
            Assert.That(allowed.Body.Length, Is.EqualTo(1000));
        });
    }

    [Test]
    public async Task A_redirect_is_an_error_and_a_304_is_none()
    {
        var status = HttpStatusCode.Redirect;
        using var handler = new Stub((_, _) => Task.FromResult(Answer(status, "")));
        using var client = Client(handler);
        var redirect = await client.SendAsync(Call(), RestRequest.Post("x"));
        status = HttpStatusCode.NotModified;
        var unchanged = await client.SendAsync(Call(), RestRequest.Post("x"));
        Assert.Multiple(() =>
        {
            Assert.That((redirect.Error!.Code, redirect.Error.Effect), Is.EqualTo((ErrorCode.Failed, Effect.Unknown)));
            Assert.That(unchanged.Ok);
        });
    }

    [Test]
    public async Task A_failing_sign_in_is_the_result_and_nothing_is_sent()
    {
        var sent = 0;
        using var handler = new Stub((_, _) => { sent++; return Task.FromResult(Answer(HttpStatusCode.OK, "")); });
        var error = new DriverError { Code = ErrorCode.Unauthenticated, Effect = Effect.Unknown, Message = "no token for password=hunter2" };
        using var client = Client(handler, o => o with { Authorize = (_, _) => throw new DriverException(error) });
        var result = await client.SendAsync(Call(), RestRequest.Post("x"));
        Assert.That((result.Error!.Code, result.Error.Effect, result.Error.Message, sent), Is.EqualTo((ErrorCode.Unauthenticated, Effect.NotApplied, "no token for password=***", 0)));
    }

    [Test]
    public async Task A_stream_of_lines_is_read_across_chunks_and_its_errors_are_thrown()
    {
        var body = "{\"a\":1}\n\n{\"a\":" + new string('2', 9000) + "}\r\n{\"a\":3}";
        using var handler = new Stub((m, _) => Task.FromResult(m.RequestUri!.AbsolutePath.EndsWith("bad", StringComparison.Ordinal)
            ? Answer(HttpStatusCode.Forbidden, "no")
            : Answer(HttpStatusCode.OK, body)));
        using var client = Client(handler);
        var values = new List<int>();
        await foreach (var line in client.LinesAsync(Call(), RestRequest.Get("events")))
            values.Add(line.GetProperty("a").GetRawText().Length);
        Assert.That(values, Is.EqualTo(new[] { 1, 9000, 1 }));
        var failure = await Assert.ThrowsAsync<DriverException>(async () => { await foreach (var _ in client.LinesAsync(Call(), RestRequest.Get("bad"))) { } });
        Assert.That(failure!.Error.Code, Is.EqualTo(ErrorCode.Forbidden));
        var tooLong = await Assert.ThrowsAsync<DriverException>(async () => { await foreach (var _ in client.LinesAsync(Call(), RestRequest.Get("x") with { MaxResponseBytes = 5000 })) { } });
        Assert.That(tooLong!.Error.Message, Does.Contain("5000 bytes"));
    }

    [Test]
    public void An_error_inside_a_successful_stream_is_found()
    {
        var lines = JsonLines.Parse("{\"stream\":\"pulling\"}\n{\"error\":\"manifest unknown\"}\n"u8.ToArray());
        Assert.Multiple(() =>
        {
            Assert.That(lines, Has.Length.EqualTo(2));
            Assert.That(JsonLines.FirstText(lines), Is.EqualTo("manifest unknown"));
            Assert.That(JsonLines.FirstText(lines, "cause"), Is.Null);
            Assert.That(() => JsonLines.Parse("{\"a\":1}\nnope\n"u8.ToArray()), Throws.InstanceOf<JsonException>());
        });
    }

    [Test]
    public async Task A_success_that_cannot_be_read_leaves_a_mutation_unknown()
    {
        using var handler = new Stub((_, _) => Task.FromResult(Answer(HttpStatusCode.OK, "<html>")));
        using var client = Client(handler);
        var post = (await client.SendAsync(Call(), RestRequest.Post("x"))).Read(ContractJson.TypeInfo<Part>());
        var get = (await client.SendAsync(Call(), RestRequest.Get("x"))).Read(ContractJson.TypeInfo<Part>());
        Assert.That((post.Error!.Effect, get.Error!.Effect), Is.EqualTo((Effect.Unknown, Effect.NotApplied)));
    }

    [Test]
    public void A_query_is_escaped_and_leaves_out_what_is_null() =>
        Assert.That(RestRequest.WithQuery("a?x=1", new("f", "a b&c"), new("n", null), new("é", "1")), Is.EqualTo("a?x=1&f=a%20b%26c&%C3%A9=1"));

    private static Call Call(TimeProvider? time = null) => new() { Cancellation = CancellationToken.None, Deadline = (time?.GetUtcNow() ?? Now).AddMinutes(1), Id = "call-1" };

    private static RestClient Client(HttpMessageHandler handler, Func<RestClientOptions, RestClientOptions>? change = null, TimeProvider? time = null)
    {
        var options = new RestClientOptions { BaseAddress = new Uri("http://cloud.test/base"), Time = time ?? new Clock() };
        return new RestClient(handler, change?.Invoke(options) ?? options);
    }

    private static HttpResponseMessage Answer(HttpStatusCode status, string body) => new(status) { Content = new StringContent(body) };

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = RestClientTests.Now;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class Stub(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => answer(request, cancellationToken);
    }

    private sealed class Endless(int length) : Stream
    {
        private int _left = length;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override int Read(byte[] buffer, int offset, int count)
        {
            var n = Math.Min(Math.Min(count, 64), _left);
            _left -= n;
            return n;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
