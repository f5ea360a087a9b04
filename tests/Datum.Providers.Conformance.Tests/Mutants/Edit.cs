using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Datum.Providers.Conformance.Tests.Mutants;

/// <summary>Small changes of contract values and of what goes over the wire.</summary>
internal static class Edit
{
    public static Operation With(this Operation operation, Call? call = null, string? part = null, string? token = null) => new()
    {
        Call = call ?? operation.Call,
        Step = part is null ? operation.Step : operation.Step with { Part = part },
        Token = token ?? operation.Token,
    };

    public static Call With(this Call call, CancellationToken? cancellation = null, DateTimeOffset? deadline = null, IPayloadReader? payloads = null) => new()
    {
        Cancellation = cancellation ?? call.Cancellation,
        Deadline = deadline ?? call.Deadline,
        Id = call.Id,
        Payloads = payloads ?? call.Payloads,
    };

    /// <summary>32 hex digits.</summary>
    public static string Token(int number) => number.ToString("x32", CultureInfo.InvariantCulture);

    public static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32];

    /// <summary>Changes the error of an outcome that failed.</summary>
    public static Func<Outcome<TFacts>, Outcome<TFacts>> Error<TFacts>(Func<DriverError, DriverError> change) where TFacts : ResourceFacts =>
        outcome => outcome is Failed<TFacts> failed ? failed with { Error = change(failed.Error) } : outcome;

    /// <summary>Changes what is there.</summary>
    public static Func<Observation<TFacts>, Identity, TSpec?, Observation<TFacts>> There<TSpec, TFacts>(Func<Present<TFacts>, Identity, TSpec?, Observation<TFacts>> change)
        where TSpec : ResourceSpec
        where TFacts : ResourceFacts => (seen, id, desired) => seen is Present<TFacts> present ? change(present, id, desired) : seen;

    public static DriverError Refusal(ErrorCode code, string message) => new() { Code = code, Effect = Effect.NotApplied, Scope = ErrorScope.Resource, Message = message };

    /// <summary>The database's password, as the payloads of a secret's wish have it.</summary>
    public static async ValueTask<string> PasswordAsync(Call call, SecretSpec desired) => Encoding.UTF8.GetString((await PasswordBytesAsync(call, desired)).Span);

    public static async ValueTask<ReadOnlyMemory<byte>> PasswordBytesAsync(Call call, SecretSpec desired) =>
        (await call.Payloads!.ReadAsync(desired.Payload, call.Cancellation))!["password"];

    /// <summary>Changes a JSON body on its way out.</summary>
    public static async Task BodyAsync(HttpRequestMessage request, Action<JsonObject> change)
    {
        var json = JsonNode.Parse(await request.Content!.ReadAsByteArrayAsync())!.AsObject();
        change(json);
        request.Content = Json(json);
    }

    /// <summary>Changes a JSON answer on its way in.</summary>
    public static async Task<HttpResponseMessage> AnswerAsync(HttpResponseMessage response, Action<JsonObject> change)
    {
        if (response.IsSuccessStatusCode && await response.Content.ReadAsByteArrayAsync() is { Length: > 0 } bytes)
        {
            var json = JsonNode.Parse(bytes)!.AsObject();
            change(json);
            response.Content = Json(json);
        }

        return response;
    }

    private static ByteArrayContent Json(JsonObject json)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(json.ToJsonString()));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }
}
