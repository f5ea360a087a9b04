using System.Security.Cryptography;
using System.Text.Json;
using Datum.Providers.Clouds.Gcp;

namespace Datum.Providers.Drivers.Gcp.Tests.Conformance;

/// <summary>Service-account keys that are made once a run: they are costly and nobody's.</summary>
internal static class Keys
{
    public const string Email = "driver@demo-project.iam.gserviceaccount.com";

    private static readonly RSA First = RSA.Create(2048);
    private static readonly RSA Second = RSA.Create(2048);

    /// <summary>A key file as gcloud writes it.</summary>
    public static byte[] File(int number, string tokenAddress = "http://cloud.test/token") => JsonSerializer.SerializeToUtf8Bytes(new
    {
        type = "service_account",
        project_id = "demo-project",
        private_key_id = $"key{number}",
        private_key = Of(number).ExportPkcs8PrivateKeyPem(),
        client_email = Email,
        token_uri = tokenAddress,
    });

    public static void Admit(GcpCloud cloud, int number) => cloud.AddKey(Email, $"key{number}", Of(number).ExportSubjectPublicKeyInfoPem());

    private static RSA Of(int number) => number == 1 ? First : Second;
}
