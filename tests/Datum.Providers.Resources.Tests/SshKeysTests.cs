using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Datum.Providers.Resources.Validation;

namespace Datum.Providers.Resources.Tests;

/// <summary>Public keys of every type that SSH servers take, made here byte by byte, and what is wrong with others.</summary>
public sealed class SshKeysTests
{
    private const string Ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAqyjfr0gTk1lxqA/eEac0djYWuw+ZLFphPHmfWwxbO5";

    [Test]
    public void Keys_of_every_type_are_taken()
    {
        using var rsa = RSA.Create(2048);
        var own = rsa.ExportParameters(false);
        string[] keys =
        [
            Ed25519, Ed25519 + " ana@example.org with blanks", Line("ssh-rsa", own.Exponent!, [0, .. own.Modulus!]),
            Curve("ecdsa-sha2-nistp256", "nistp256", ECCurve.NamedCurves.nistP256), Curve("ecdsa-sha2-nistp384", "nistp384", ECCurve.NamedCurves.nistP384),
            Curve("ecdsa-sha2-nistp521", "nistp521", ECCurve.NamedCurves.nistP521),
            Line("sk-ssh-ed25519@openssh.com", RandomNumberGenerator.GetBytes(32), Encoding.ASCII.GetBytes("ssh:")),
            Curve("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", ECCurve.NamedCurves.nistP256, Encoding.ASCII.GetBytes("ssh:")),
        ];
        Assert.Multiple(() =>
        {
            foreach (var key in keys)
                Assert.That(SshKeys.TryParse(key, out var error), Is.True, $"{key}: {error}");
        });
    }

    private static IEnumerable<TestCaseData> Broken()
    {
        yield return Row("ssh-ed25519", "its type and its base64");
        yield return Row("", "its type and its base64");
        yield return Row("ssh-ed25519 not*base64", "isn't base64");
        yield return Row(Ed25519[..^8], "cut off");
        yield return Row(Line("ssh-ed25519", new byte[31]), "31 bytes; 32");
        yield return Row(Line("ssh-ed25519", new byte[32], [1]), "too many");
        yield return Row("ssh-rsa" + Ed25519["ssh-ed25519".Length..], "another by its content");
        yield return Row("ssh-dss AAAA", "DSA");
        yield return Row("ssh-ed25519-cert-v01@openssh.com AAAA", "certificate");
        yield return Row("no-pty " + Ed25519, "options before them aren't taken");
        yield return Row("-----BEGIN OPENSSH PRIVATE KEY-----", "a private key");
        yield return Row(Line("ssh-rsa", [1, 0, 1], [0x80, .. new byte[63]]), "512 bits");
        yield return Row(Line("ssh-rsa", [2], [0x80, .. new byte[255]]), "exponent");
        yield return Row(Line("ecdsa-sha2-nistp256", Encoding.ASCII.GetBytes("nistp384"), [4, .. new byte[64]]), "isn't one of nistp256");
        yield return Row(Line("ecdsa-sha2-nistp256", Encoding.ASCII.GetBytes("nistp256"), [4, .. Enumerable.Repeat((byte)7, 64)]), "isn't on nistp256");
        yield return Row(Curve("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", ECCurve.NamedCurves.nistP256), "cut off");
    }

    [TestCaseSource(nameof(Broken))]
    public void A_broken_key_is_told_what_is_wrong_and_never_quoted(string text, string says)
    {
        Assert.That(SshKeys.TryParse(text, out var error), Is.False);
        Assert.That(error, Does.Contain(says));
        foreach (var body in text.Split(' ').Where(t => t.StartsWith("AAAA", StringComparison.Ordinal) && t.Length > 8))
            Assert.That(error, Does.Not.Contain(body[..8]));
    }

    private static TestCaseData Row(string text, string says) => new TestCaseData(text, says).SetArgDisplayNames(says);

    private static string Curve(string type, string name, ECCurve curve, params byte[][] more)
    {
        using var key = ECDsa.Create(curve);
        var q = key.ExportParameters(false).Q;
        return Line(type, [Encoding.ASCII.GetBytes(name), [4, .. q.X!, .. q.Y!], .. more]);
    }

    private static string Line(string type, params byte[][] fields)
    {
        using var blob = new MemoryStream();
        var length = new byte[4];
        foreach (var field in fields.Prepend(Encoding.ASCII.GetBytes(type)))
        {
            BinaryPrimitives.WriteInt32BigEndian(length, field.Length);
            blob.Write(length);
            blob.Write(field);
        }

        return $"{type} {Convert.ToBase64String(blob.ToArray())}";
    }
}
