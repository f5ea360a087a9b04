namespace Datum.Providers.DevPlane;

/// <summary>
/// The OpenAPI v2 document in the one form in which kubectl asks for it: when a file holds a List, which has no field validation on the
/// server's side. It has no definitions, so kubectl leaves the items to the server, which validates every one of them.
/// </summary>
internal static class OpenApiProtobuf
{
    public const string MediaType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

    /// <summary>swagger = 1; info = 2 { title = 1; version = 2 }.</summary>
    public static byte[] Document { get; } = [.. Field(1, "2.0"u8), .. Field(2, [.. Field(1, "Kubernetes"u8), .. Field(2, "v1.32.0"u8)])];

    public static bool IsWanted(string path, string? accept) =>
        path == "/openapi/v2" && accept is not null && accept.Contains("proto-openapi.spec.v2", StringComparison.Ordinal);

    /// <summary>A length-delimited field; all of ours are shorter than 128 bytes.</summary>
    private static byte[] Field(int number, ReadOnlySpan<byte> value) => [(byte)((number << 3) | 2), checked((byte)value.Length), .. value];
}
