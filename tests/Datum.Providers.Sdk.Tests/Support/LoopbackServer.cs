using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Datum.Providers.Sdk.Tests.Support;

/// <summary>A request as it arrived on the wire.</summary>
internal sealed record WireRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>
/// An HTTP/1.1 server of a few lines on a loopback port. The answer is raw text, so that it can be wrong in every way; null closes the
/// connection without one.
/// </summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    public LoopbackServer(Func<WireRequest, string?> answer) : this(async (stream, stop) =>
    {
        while (await ReadAsync(stream, stop) is { } request)
        {
            if (answer(request) is not { } text)
                return request;
            await stream.WriteAsync(Encoding.UTF8.GetBytes(text), stop);
            if (text.Contains("Connection: close", StringComparison.Ordinal))
                return request;
        }

        return null;
    })
    {
    }

    public LoopbackServer(Func<Stream, CancellationToken, Task<WireRequest?>> connection)
    {
        _listener.Start();
        _serving = ServeAsync(connection);
    }

    public Uri Address => new($"http://{_listener.LocalEndpoint}/");

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public ConcurrentQueue<Exception> Failures { get; } = new();

    public static string Answer(int status, string body, params ReadOnlySpan<string> headers)
    {
        var text = new StringBuilder($"HTTP/1.1 {status} X\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nContent-Type: application/json\r\n");
        foreach (var header in headers)
            text.Append(header).Append("\r\n");
        return text.Append("\r\n").Append(body).ToString();
    }

    public static async Task<WireRequest?> ReadAsync(Stream stream, CancellationToken cancellation)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (!(head.Count >= 4 && head[^4] == '\r' && head[^3] == '\n' && head[^2] == '\r' && head[^1] == '\n'))
        {
            if (await stream.ReadAsync(one, cancellation) == 0)
                return null;
            head.Add(one[0]);
        }

        var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var first = lines[0].Split(' ');
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in lines.Skip(1))
            headers[line[..line.IndexOf(':', StringComparison.Ordinal)]] = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        var body = new byte[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length, System.Globalization.CultureInfo.InvariantCulture) : 0];
        await stream.ReadExactlyAsync(body, cancellation);
        return new WireRequest(first[0], first[1], headers, body);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        // The listener is stopped last: to accept on one that isn't listening would be another failure.
        await _serving;
        _listener.Stop();
        _stop.Dispose();
        _listener.Dispose();
    }

    private async Task ServeAsync(Func<Stream, CancellationToken, Task<WireRequest?>> connection)
    {
        var open = new List<Task>();
        try
        {
            while (true)
                open.Add(OneAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(open);
        }

        async Task OneAsync(TcpClient client)
        {
            using (client)
            {
                try
                {
                    // Without lingering a close is a reset when bytes were left unread, and an orderly end otherwise.
                    await connection(client.GetStream(), _stop.Token);
                }
                catch (Exception e) when (e is OperationCanceledException or IOException)
                {
                    // The client went away, or the server was stopped.
                }
                catch (Exception e)
                {
                    Failures.Enqueue(e);
                }
            }
        }
    }
}
