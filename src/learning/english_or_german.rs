//! What the detector says of a text when only English and German are allowed, at a tenth of its cost, for texts of ASCII
//! alone. Of any other text, and with other languages, it is asked itself.
//!
//! The method is the detector's own: the trigrams of a text, ranked by how often they occur, are compared with the 300
//! that are most frequent in each language; a language has less points the farther a trigram is from its rank there. Here
//! a trigram is a number below 27^3, so ranks are looked up in a table, and nothing is hashed. Letters of ASCII are in the
//! alphabets of both languages: of what the detector makes of alphabets, the weight is left.
//!
//! **The answer is that of `whatlang` 0.18, to the bit** (its tests below hold it), so an update of that crate is an update
//! of this file. Ranks and constants are its (MIT licence, Sergey Potapov and contributors). Source of the method: Cavnar
//! and Trenkle, *N-Gram-Based Text Categorization* (1994).

use whatlang::Lang;

/// Trigrams in the order of their ranks; `_` is a space, and whatever is no letter.
const ENGLISH: &str = "\
    _ththe_anhe_nd_andion_ofof_tio_toto_on__inal_atiighghtrig_rior_entas_ed_is_ll_in__bee_rne_oneverall\
    s_tevet_t_frs_a_ha_rety_ery_ord_t_prht__co_eve_he_ang_ts_hisingbe_yon_shce_reefreryon_thermennatsha\
    pronaly_ahases_for_hihalf_tn_an_ont__pes_o_fod_inceer_onsrese_sectityly_l_bry_e_eerse_ian_e_o_decti\
    domedoeedhtsteronare__no_wh_a__und_f_asny_l_ae_pere_en_na_winitnted_aanyted_dins_stath_perithe_tst_\
    e_cy_tom_soc_arch_t_od_ontis_eequve_ociman_fuoteothess_al_acwitial_mauni_serea_so_onlitintr_ty_oenc\
    thiualt_a_eqtatquaive_stalie_wl_oaref_hconte_led_isundciae_fle__lay_iumaby__byhumf_aic__huavege_r_a\
    _woo_ams_com_meeass_dtec_lin_een_rattitplewheateo_ts_rt_frot_chciedisagearyo_oancelino__fa_susoninc\
    at_ndahouwort_inderomoms_otg_temetleitignis_witlducd_wwhiacthicaw_law_heichminimiorto_sse_e_bntrtra\
    eduountane_dnstl_pd_nld_ntas_iblen_p_pun_s_atilyrththofulssidero_ecatucauntien_edo_ph_aeraindpensec\
    n_wommr_s";
const GERMAN: &str = "\
    en_er_der_unnd_undeinungcht_deichschng__geie_cheech_didierecgenineeit_rech__dan_dverhen_zut_d_auht_\
    _halicit_tenrei_bein__ve_in_eindeaufdenedezu_n_suf_frene_teres__jejedn_u_anseiand_frrunat__see_udas\
    heis_rhtehatnscnger_has_ens_alerellet_a_wen_grdenteesemen_ododenerg_dallt_uerste_nen_sod_dn_abenlei\
    _gr_vowere_aegeion_stigele_cha_mehafaftn_jren_ererkentbei_sieihihekeierdtign_ion_lunr_dlengemiesgru\
    tliuntchuerngesende_sft_st_isttioati_glstagunmitsenn_n_nan_zite_wir_geice_eei_lier_sn_wglemeide_uch\
    em_chlnatrcht_wdesn_ehrealesprd_fachsser_e_scurcr_mniee_ffene_ge_d_nidurdarint_dugehiedt_s_mialther\
    habf_gsicstetaaaathe_angruchlitz_emeabeh_an_vnungegarfrf_ehepru_iserfe_mansndle_btunn_od_gn_rr_vwie\
    berr_aarbbest_ih_dr_wr_b_ihd_sigkgkenspdigemaellerun_finsrbeffeescigugerstrkene_vgewhanindrt__arieß\
    n_hrn_manr_ihututzd_als_ebevonlter_orlietztraausdethule_ionenneiscsonselet_ohnt_gsam_farstrklseriem\
    g_vt_zerr";

/// Trigrams of a language.
const RANKS: u32 = 300;
/// Trigrams of a text that are looked at.
const LOOKED_AT: usize = 600;
/// Letters of ASCII, and the space.
const SIGNS: u16 = 27;
const TRIGRAMS: usize = 27 * 27 * 27;
/// A trigram that is not among those of a language.
const NONE: u16 = u16::MAX;
/// The confidence above which the detector calls itself reliable.
const RELIABLE: f64 = 0.9;

/// The ranks of all trigrams in both languages.
pub(super) struct EnglishOrGerman {
    ranks: Vec<[u16; 2]>,
}

impl std::fmt::Debug for EnglishOrGerman {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EnglishOrGerman")
    }
}

impl EnglishOrGerman {
    pub(super) fn new() -> Self {
        let mut ranks = vec![[NONE; 2]; TRIGRAMS];
        for (language, trigrams) in [ENGLISH, GERMAN].into_iter().enumerate() {
            let letters: Vec<char> = trigrams.chars().collect();
            for (rank, trigram) in (0..).zip(letters.chunks(3)) {
                // one with an umlaut is in no text of ASCII
                if trigram.iter().all(char::is_ascii) {
                    let number = trigram.iter().fold(0, |number, c| number * SIGNS + sign(*c as u8));
                    ranks[usize::from(number)][language] = rank;
                }
            }
        }
        Self { ranks }
    }

    /// Whether the detector can be spared for a text.
    pub(super) fn can_tell(text: &str) -> bool {
        // DEL is no letter, but the detector takes it for one
        text.bytes().all(|byte| byte < 0x7F)
    }

    /// What the detector would call a text that [can be told](Self::can_tell), if it called itself reliable.
    pub(super) fn tell(&self, text: &str) -> Option<Lang> {
        let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
        if letters == 0 {
            return None;
        }
        let trigrams = ranked(text);
        let similarity = [0, 1].map(|language| self.similarity(&trigrams, language));
        let of_alphabet = (-(letters as f64 / 300.0) + 2.0 / 3.0).clamp(1.0 / 3.0, 2.0 / 3.0);
        let [english, german] = similarity.map(|of| 1.0 * of_alphabet + of * (1.0 - of_alphabet));
        let (lang, first, second) =
            if english > german { (Lang::Eng, english, german) } else { (Lang::Deu, german, english) };
        (confidence(first, second, trigrams.len()) > RELIABLE).then_some(lang)
    }

    /// From 0 to 1.
    fn similarity(&self, trigrams: &[u16], language: usize) -> f64 {
        let (mut distance, mut known) = (0, 0);
        for (rank, &trigram) in (0_u16..).zip(trigrams) {
            let there = self.ranks[usize::from(trigram)][language];
            if there != NONE {
                distance += u32::from(there.abs_diff(rank));
                known += 1;
            }
        }
        let count = trigrams.len() as u32;
        distance += (RANKS - known) * RANKS;
        distance -= RANKS.saturating_sub(count) * RANKS;
        let most = count * RANKS;
        f64::from(most - distance.min(RANKS * RANKS)) / f64::from(most)
    }
}

/// The number of a sign: 0 is whatever is no letter.
fn sign(byte: u8) -> u16 {
    if byte.is_ascii_alphabetic() { u16::from((byte | 0x20) - b'a') + 1 } else { 0 }
}

/// The trigrams of a text, the most frequent first, and of equally frequent ones the last in the alphabet.
fn ranked(text: &str) -> Vec<u16> {
    let mut counts = [0_u16; TRIGRAMS];
    let mut seen = Vec::with_capacity(text.len() + 1);
    let mut signs = text.bytes().map(sign).chain([0]);
    let (mut first, mut second) = (0, signs.next().unwrap_or(0));
    for third in signs {
        if second != 0 || (first != 0 && third != 0) {
            let trigram = (first * SIGNS + second) * SIGNS + third;
            let count = &mut counts[usize::from(trigram)];
            if *count == 0 {
                seen.push(trigram);
            }
            *count = count.saturating_add(1);
        }
        (first, second) = (second, third);
    }
    let counted = |trigram: u16| u32::from(counts[usize::from(trigram)]) << 16 | u32::from(trigram);
    let mut counted: Vec<u32> = seen.into_iter().map(counted).collect();
    counted.sort_unstable_by(|a, b| b.cmp(a));
    counted.truncate(LOOKED_AT);
    counted.into_iter().map(|counted| counted as u16).collect()
}

/// How much better the first is than the second, as the detector has it.
fn confidence(first: f64, second: f64, trigrams: usize) -> f64 {
    if first == 0.0 {
        return 0.0;
    }
    if second == 0.0 {
        return first;
    }
    let enough = (3.0 / trigrams as f64) + 0.015;
    let rate = (first - second) / second;
    if rate > enough { 1.0 } else { rate / enough }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use whatlang::Detector;

    fn agrees(text: &str) -> Result<(), TestCaseError> {
        prop_assert!(EnglishOrGerman::can_tell(text));
        for allowed in [[Lang::Eng, Lang::Deu], [Lang::Deu, Lang::Eng]] {
            let found = Detector::with_allowlist(allowed.to_vec()).detect(text);
            let expected = found.filter(whatlang::Info::is_reliable).map(|info| info.lang());
            prop_assert_eq!(EnglishOrGerman::new().tell(text), expected, "{:?}", text);
        }
        Ok(())
    }

    #[test]
    fn both_languages_are_told() {
        let english = "excellent workmanship, quick delivery, reasonable price, friendly customer service";
        let german =
            "hervorragende Verarbeitung, schnelle Lieferung, fairer Preis, freundlicher Kundendienst";
        assert_eq!(EnglishOrGerman::new().tell(english), Some(Lang::Eng));
        assert_eq!(EnglishOrGerman::new().tell(german), Some(Lang::Deu));
        assert_eq!(EnglishOrGerman::new().tell("12 ... 34"), None);
        assert!(!EnglishOrGerman::can_tell("g\u{fc}nstig") && !EnglishOrGerman::can_tell("a\u{7f}b"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn the_detector_agrees_on_words(
            words in proptest::collection::vec(
                prop_oneof![
                    4 => prop::sample::select(vec![
                        "the", "and", "this", "battery", "Delivery", "workmanship", "service", "light", "There",
                        "der", "und", "nicht", "Verarbeitung", "Lieferung", "Kundendienst", "schnell", "sich", "IST",
                        "plun", "den", "rusto", "hintren", "kis", "mepo", "fil", "trand", "ich", "in", "an", "on",
                    ]).prop_map(str::to_owned),
                    1 => "[a-zA-Z]{1,9}",
                    1 => "[0-9.,!? \n\t-]{1,4}",
                ],
                0..160,
            ),
        ) {
            agrees(&words.join(" "))?;
        }

        #[test]
        fn the_detector_agrees_on_any_text(text in "[ -~\n\t]{0,1100}") {
            agrees(&text)?;
        }

        #[test]
        fn the_detector_agrees_on_letters(text in "[a-e ]{0,1100}") {
            agrees(&text)?;
        }
    }
}
