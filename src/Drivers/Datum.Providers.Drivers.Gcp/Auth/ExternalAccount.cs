using System.Text;
using System.Text.Json;

namespace Datum.Providers.Drivers.Gcp.Auth;

/// <summary>A configuration of workload identity federation, as <c>gcloud iam workload-identity-pools create-cred-config</c> writes it.</summary>
internal sealed record ExternalAccount
{
    public required string Audience { get; init; }

    public required string SubjectTokenType { get; init; }

    public required Uri TokenAddress { get; init; }

    public Uri? ImpersonationAddress { get; init; }

    /// <summary>Where the token is read from when the credentials don't hold it.</summary>
    public string? SourceFile { get; init; }

    public Uri? SourceAddress { get; init; }

    public ImmutableArray<KeyValuePair<string, string>> SourceHeaders { get; init; } = [];

    /// <summary>The member that holds the token where the source is JSON.</summary>
    public string? SourceField { get; init; }

    public static ExternalAccount Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (JsonText.Find(root, "type") != "external_account")
                throw Unreadable("its type isn't external_account");
            if (JsonText.Find(root, "credential_source", "executable", "command") is not null || JsonText.Find(root, "credential_source", "environment_id") is not null)
                throw Unreadable("its credential_source is a program or AWS; use a file or a URL, or the credential 'subjectToken'");
            var source = root.TryGetProperty("credential_source", out var found) ? found : default;
            return new ExternalAccount
            {
                Audience = JsonText.Find(root, "audience") ?? throw Unreadable("audience is missing"),
                SubjectTokenType = JsonText.Find(root, "subject_token_type") ?? throw Unreadable("subject_token_type is missing"),
                TokenAddress = AddressOf(JsonText.Find(root, "token_url") ?? "https://sts.googleapis.com/v1/token", "token_url"),
                ImpersonationAddress = JsonText.Find(root, "service_account_impersonation_url") is { } address ? AddressOf(address, "service_account_impersonation_url") : null,
                SourceFile = source.ValueKind == JsonValueKind.Object ? JsonText.Find(source, "file") : null,
                SourceAddress = source.ValueKind == JsonValueKind.Object && JsonText.Find(source, "url") is { } url ? AddressOf(url, "credential_source.url") : null,
                SourceHeaders = source.ValueKind == JsonValueKind.Object && source.TryGetProperty("headers", out var headers)
                    ? [.. headers.EnumerateObject().Select(h => new KeyValuePair<string, string>(h.Name, h.Value.ToString()))] : [],
                SourceField = source.ValueKind == JsonValueKind.Object && JsonText.Find(source, "format", "type") == "json" ? JsonText.Find(source, "format", "subject_token_field_name") ?? "access_token" : null,
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Unreadable("it is no JSON of that form");
        }
    }

    /// <summary>The token to exchange, read anew each time: whoever writes it renews it.</summary>
    public async ValueTask<string> SubjectAsync(IDriverHost host, RestClient? source, Call call)
    {
        var given = await host.ReadCredentialAsync(GcpDescriptor.SubjectCredential, call.Cancellation);
        string text;
        if (!given.IsEmpty)
            return Encoding.UTF8.GetString(given.Span).Trim();
        if (SourceFile is { } file)
        {
            try
            {
                text = await File.ReadAllTextAsync(file, call.Cancellation);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Unreadable($"credential_source.file can't be read: {e.Message}");
            }
        }
        else if (source is not null)
        {
            var answer = await source.SendAsync(call, new RestRequest { Method = HttpMethod.Get, Path = SourceAddress!.PathAndQuery.TrimStart('/'), Headers = SourceHeaders });
            text = answer.Error is { } error ? throw new DriverException(error with { Scope = ErrorScope.Account }) : answer.Text();
        }
        else
        {
            throw Unreadable($"it names no credential_source, and the credential '{GcpDescriptor.SubjectCredential}' isn't there");
        }

        if (SourceField is not { } field)
            return text.Trim();
        try
        {
            return JsonText.Find(Encoding.UTF8.GetBytes(text), field) ?? throw Unreadable($"the source's JSON has no {field}");
        }
        catch (JsonException)
        {
            throw Unreadable("the source is no JSON");
        }
    }

    private static Uri AddressOf(string text, string field) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? address : throw Unreadable($"{field} is no http address");

    private static DriverException Unreadable(string why) => new(new DriverError
    {
        Code = ErrorCode.Unauthenticated,
        Effect = Effect.NotApplied,
        Scope = ErrorScope.Account,
        Message = $"The federation's configuration (credential '{GcpDescriptor.FederationCredential}') can't be used: {why}.",
    });
}
