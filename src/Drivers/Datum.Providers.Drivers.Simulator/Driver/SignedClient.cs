using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>Sends requests with a session token where there is a credential. A refused token is renewed once within the call, and only that request is repeated (DC-6).</summary>
internal sealed class SignedClient(RestClient client, TimeProvider time, string? credential) : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private volatile string? _session;

    public async ValueTask<RestResult> SendAsync(Call call, RestRequest request)
    {
        if (credential is null)
            return await client.SendAsync(call, request);
        var (session, error) = await SignInAsync(call, refused: null);
        if (session is null)
            return new RestResult { Error = error };
        var result = await client.SendAsync(call, With(request, session));
        if (result.Status == 401)
        {
            // The platform did nothing, so a mutation may be sent again too.
            (session, error) = await SignInAsync(call, refused: session);
            if (session is null)
                return new RestResult { Error = error };
            result = await client.SendAsync(call, With(request, session));
        }

        return result.Error is { } failure ? Scrubbed(result, failure, session) : result;
    }

    public async IAsyncEnumerable<JsonElement> LinesAsync(Call call, RestRequest request, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        string? session = null;
        if (credential is not null)
        {
            (session, var error) = await SignInAsync(call, refused: null);
            request = session is null ? throw new DriverException(error!) : With(request, session);
        }

        await using var lines = client.LinesAsync(call, request, cancellation).GetAsyncEnumerator(cancellation);
        while (true)
        {
            try
            {
                if (!await lines.MoveNextAsync())
                    yield break;
            }
            catch (DriverException e) when (session is not null)
            {
                throw new DriverException(Scrub(e.Error, credential!, session));
            }

            yield return lines.Current;
        }
    }

    /// <summary>Signs out: platforms cap sign-ins (DC-7). Whether it could be said or not, the session is over.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_session is { } session)
        {
            _session = null;
            using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(5), time);
            var call = new Call { Cancellation = stop.Token, Deadline = time.GetUtcNow() + TimeSpan.FromSeconds(5), Id = "sign-out" };
            try
            {
                await client.SendAsync(call, With(RestRequest.Delete("v1/session"), session));
            }
            catch (OperationCanceledException)
            {
                // The platform ends it by itself some day.
            }
        }

        client.Dispose();
        _gate.Dispose();
    }

    private async ValueTask<(string? Session, DriverError? Error)> SignInAsync(Call call, string? refused)
    {
        if (_session is { } known && known != refused)
            return (known, null);
        await _gate.WaitAsync(call.Cancellation);
        try
        {
            // Another call may have been first.
            if (_session is { } other && other != refused)
                return (other, null);
            _session = null;
            var result = await client.SendAsync(call, With(RestRequest.Post("v1/session"), credential!));
            var answer = result.Read(SignInJson.Default.CloudSession);
            if (answer.Value is { Token.Length: > 0 } session)
                return (_session = session.Token, null);
            var error = answer.Error ?? new DriverError { Code = ErrorCode.Failed, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Message = "The sign-in brought no token." };
            return (null, Scrub(error, credential!) with { Effect = Effect.NotApplied });
        }
        finally
        {
            _gate.Release();
        }
    }

    private RestResult Scrubbed(RestResult result, DriverError failure, string session) => new()
    {
        Status = result.Status,
        Headers = result.Headers,
        Body = result.Body,
        Error = Scrub(failure, credential!, session),
    };

    /// <summary>A platform that repeats in its message what it was sent must not carry secrets into errors (DC-84): then the message isn't shown at all.</summary>
    public static DriverError Scrub(DriverError error, params IEnumerable<string> secrets)
    {
        string[] texts = [error.Message, error.PlatformCode ?? "", error.RequestId ?? "", .. error.BlockedBy];
        if (!secrets.SelectMany(Forms).Any(f => f.Length >= 8 && texts.Any(t => t.Contains(f, StringComparison.Ordinal))))
            return error;
        return error with { Message = "The platform refused the request; its message repeats what it was sent and isn't shown.", PlatformCode = null, RequestId = null, BlockedBy = [] };
    }

    private static IEnumerable<string> Forms(string secret)
    {
        yield return secret;
        yield return Uri.EscapeDataString(secret);
        yield return JsonEncodedText.Encode(secret).ToString();
        var bytes = Encoding.UTF8.GetBytes(secret);
        yield return Convert.ToHexStringLower(bytes);
        yield return Convert.ToHexString(bytes);
        for (var offset = 0; offset < 3; offset++)
        {
            // Inside of a longer text the characters at both ends are shared with the neighbours.
            byte[] padded = [.. new byte[offset], .. bytes];
            var inner = Convert.ToBase64String(padded, 0, padded.Length / 3 * 3)[(offset == 0 ? 0 : 4)..];
            yield return inner;
            yield return inner.Replace('+', '-').Replace('/', '_');
            yield return JsonEncodedText.Encode(inner).ToString();
        }
    }

    private static RestRequest With(RestRequest request, string bearer) => request.WithHeader("Authorization", "Bearer " + bearer);
}
