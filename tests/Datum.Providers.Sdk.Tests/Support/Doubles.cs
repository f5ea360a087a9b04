using System.Net;

namespace Datum.Providers.Sdk.Tests.Support;

/// <summary>A clock that stands until it is moved; timers of it run by real time.</summary>
internal sealed class StandingClock : TimeProvider
{
    public static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public DateTimeOffset Now { get; set; } = Start;

    public override DateTimeOffset GetUtcNow() => Now;
}

/// <summary>A handler that answers from a function and keeps what was sent.</summary>
internal sealed class StubHandler(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> answer) : HttpMessageHandler
{
    public StubHandler(Func<HttpRequestMessage, HttpResponseMessage> answer) : this((m, _) => Task.FromResult(answer(m)))
    {
    }

    public List<HttpRequestMessage> Sent { get; } = [];

    public List<string> Bodies { get; } = [];

    public static HttpResponseMessage Answer(int status, string body = "", params ReadOnlySpan<(string Name, string Value)> headers)
    {
        var message = new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(body) };
        foreach (var (name, value) in headers)
            message.Headers.TryAddWithoutValidation(name, value);
        return message;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        lock (Sent)
        {
            Sent.Add(request);
            Bodies.Add(body);
        }

        return await answer(request, cancellationToken);
    }
}

internal static class Make
{
    public static Call Call(TimeProvider time, TimeSpan? left = null, CancellationToken cancellation = default) =>
        new() { Cancellation = cancellation, Deadline = time.GetUtcNow() + (left ?? TimeSpan.FromMinutes(1)), Id = "call-1" };

    public static RestClient Client(HttpMessageHandler handler, TimeProvider time, Func<RestClientOptions, RestClientOptions>? change = null)
    {
        var options = new RestClientOptions { BaseAddress = new Uri("http://cloud.test/base"), Time = time };
        return new RestClient(handler, change?.Invoke(options) ?? options);
    }
}
